/* A file layer that can forget: beside each file of a folder it keeps a copy that holds only what was synced.
 *
 * Loaded with LD_PRELOAD. FORGET_FOLDER is the folder, FORGET_COPIES the folder of the copies. A write is remembered by its
 * range; with FORGET_SYNCS set, nothing is ever synced. Else fsync and fdatasync bring the remembered ranges and the length into the copy. Who kills the process may then put the
 * copies in the place of the files: what a machine shows that lost its power, and kept nothing that it had not promised.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 64
#define FDS_MAX 4096

struct range { off_t from, to; };
struct file { char name[NAME_MAX + 1]; int copy; struct range *ranges; size_t count, room; };

static struct file files[FILES_MAX];
static struct file *file_of_fd[FDS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ({ static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); real; })

/* The name within the folder of a file whose writes are watched. The lock and SQLite's shared memory hold nothing to keep. */
static const char *watched(const char *path) {
    const char *folder = getenv("FORGET_FOLDER");
    size_t length = folder ? strlen(folder) : 0;
    if (!length || strncmp(path, folder, length) || path[length] != '/') return NULL;
    const char *name = path + length + 1;
    size_t end = strlen(name);
    if (strchr(name, '/') || (end > 4 && !strcmp(name + end - 4, "-shm")) || (end > 5 && !strcmp(name + end - 5, ".lock"))) return NULL;
    return name;
}

static void copy_path(char *out, const char *name) {
    const char *copies = getenv("FORGET_COPIES");
    snprintf(out, PATH_MAX, "%s/%s", copies ? copies : "/nonexistent", name);
}

static void opened(int fd, const char *path) {
    const char *name = fd >= 0 && fd < FDS_MAX ? watched(path) : NULL;
    if (!name) return;
    pthread_mutex_lock(&lock);
    struct file *file = files;
    while (file < files + FILES_MAX && file->name[0] && strcmp(file->name, name)) file++;
    if (file == files + FILES_MAX) abort();
    if (!file->name[0]) { snprintf(file->name, sizeof file->name, "%s", name); file->copy = -1; }
    file_of_fd[fd] = file;
    pthread_mutex_unlock(&lock);
}

static void wrote(int fd, off_t from, ssize_t length) {
    if (fd < 0 || fd >= FDS_MAX || length <= 0) return;
    pthread_mutex_lock(&lock);
    struct file *file = file_of_fd[fd];
    if (file) {
        struct range *last = file->count ? &file->ranges[file->count - 1] : NULL;
        if (last && last->to == from) last->to += length;
        else {
            if (file->count == file->room) {
                file->room = file->room ? 2 * file->room : 64;
                file->ranges = realloc(file->ranges, file->room * sizeof *file->ranges);
                if (!file->ranges) abort();
            }
            file->ranges[file->count++] = (struct range){from, from + length};
        }
    }
    pthread_mutex_unlock(&lock);
}

static void synced(int fd) {
    if (fd < 0 || fd >= FDS_MAX || getenv("FORGET_SYNCS")) return;
    pthread_mutex_lock(&lock);
    struct file *file = file_of_fd[fd];
    struct stat now;
    if (file && !fstat(fd, &now)) {
        if (file->copy < 0) {
            char path[PATH_MAX];
            copy_path(path, file->name);
            file->copy = REAL(open)(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
            if (file->copy < 0) abort();
        }
        static char buffer[1 << 16];
        for (size_t i = 0; i < file->count; i++) {
            for (off_t at = file->ranges[i].from; at < file->ranges[i].to;) {
                size_t want = file->ranges[i].to - at < (off_t)sizeof buffer ? (size_t)(file->ranges[i].to - at) : sizeof buffer;
                ssize_t got = pread(fd, buffer, want, at);
                if (got <= 0) break;
                if (REAL(pwrite)(file->copy, buffer, got, at) != got) abort();
                at += got;
            }
        }
        file->count = 0;
        if (REAL(ftruncate)(file->copy, now.st_size)) abort();
    }
    pthread_mutex_unlock(&lock);
}

static mode_t mode_of(int flags, va_list args) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    int fd = REAL(open)(path, flags, mode_of(flags, args));
    va_end(args);
    opened(fd, path);
    return fd;
}

int open64(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    int fd = REAL(open64)(path, flags, mode_of(flags, args));
    va_end(args);
    opened(fd, path);
    return fd;
}

int close(int fd) {
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < FDS_MAX) file_of_fd[fd] = NULL;
    pthread_mutex_unlock(&lock);
    return REAL(close)(fd);
}

ssize_t write(int fd, const void *data, size_t length) {
    off_t from = fd >= 0 && fd < FDS_MAX && file_of_fd[fd] ? lseek(fd, 0, SEEK_CUR) : 0;
    ssize_t done = REAL(write)(fd, data, length);
    wrote(fd, from, done);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t from) {
    ssize_t done = REAL(pwrite)(fd, data, length, from);
    wrote(fd, from, done);
    return done;
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t from) {
    ssize_t done = REAL(pwrite64)(fd, data, length, from);
    wrote(fd, from, done);
    return done;
}

int fsync(int fd) {
    synced(fd);
    return 0;
}

int fdatasync(int fd) {
    synced(fd);
    return 0;
}

int unlink(const char *path) {
    const char *name = watched(path);
    if (name) {
        char copy[PATH_MAX];
        copy_path(copy, name);
        REAL(unlink)(copy);
        pthread_mutex_lock(&lock);
        for (struct file *file = files; file < files + FILES_MAX && file->name[0]; file++)
            if (!strcmp(file->name, name)) {
                if (file->copy >= 0) REAL(close)(file->copy);
                file->copy = -1;
                file->count = 0;
            }
        pthread_mutex_unlock(&lock);
    }
    return REAL(unlink)(path);
}
