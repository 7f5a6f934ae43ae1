"""Starts the demo and windows of it. Waits for what is said, never for time to pass."""

import atexit
import faulthandler
import os
import re
import subprocess
import threading
import unittest
from urllib.parse import urlsplit

from playwright.sync_api import expect, sync_playwright

# Longest wait for anything: an answer of some hundred words takes several seconds.
PATIENCE_MS = 30_000
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()

# A file of tests takes one to two minutes. Everything in it has a limit but the browser itself: where that hangs, all end here and
# it is shown where they stood.
HANGS_S = 300

expect.set_options(timeout=PATIENCE_MS)
faulthandler.dump_traceback_later(HANGS_S, exit=True)


class Demo:
    """`chathakase demo`, or another program with a page, as a process with nothing in its environment but what a test puts there. Its chat in
    the terminal waits for lines that never come."""

    def __init__(self, program=None, opening=True, env=None):
        env = {"PATH": os.environ["PATH"], "TZ": "UTC", **(env or {})}
        program = program or [os.environ["CHATHAKASE"], "demo"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(program, env=env, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True)
        self.printed = []
        self.link = self.until(r"http://127\.0\.0\.1:\S+")
        if opening:
            self.until("Your turn")
        # What it says from now on must be taken from it, or it would stand still.
        self.reader = threading.Thread(target=self.read_on, daemon=True)
        self.reader.start()
        parts = urlsplit(self.link)
        self.address = f"{parts.scheme}://{parts.netloc}"

    def until(self, pattern):
        """Reads lines until one has the pattern in it. A program that prints none for too long is ended."""
        patience = threading.Timer(PATIENCE_MS / 1000, self.process.kill)
        patience.start()
        try:
            for line in self.process.stdout:
                self.printed.append(line)
                if found := re.search(pattern, line):
                    return found.group()
        finally:
            patience.cancel()
        raise RuntimeError(f"the demo ended without {pattern}: {''.join(self.printed)}")

    def read_on(self):
        self.printed.extend(self.process.stdout)

    def stop(self):
        """The end of its input ends it."""
        self.process.stdin.close()
        if self.process.wait(PATIENCE_MS / 1000) != 0:
            raise RuntimeError(f"the demo ended with status {self.process.returncode}: {''.join(self.printed)}")
        self.reader.join()
        self.process.stdout.close()


class Shared:
    """One browser for all tests and one demo for those of a file: each test has people and threads of its own."""

    demo = browser = driver = None

    @classmethod
    def start_browser(cls):
        if cls.browser is None:
            cls.driver = sync_playwright().start()
            cls.browser = cls.driver.chromium.launch(executable_path=os.environ["CHROMIUM"], args=FLAGS)
            atexit.register(cls.close)

    @classmethod
    def start(cls, program):
        cls.start_browser()
        if cls.demo is None:
            cls.demo = Demo(program, opening=program is None)
            unittest.addModuleCleanup(cls.stop)

    @classmethod
    def stop(cls):
        demo, cls.demo = cls.demo, None
        demo.stop()

    @classmethod
    def close(cls):
        cls.browser.close()
        cls.driver.stop()


class Window:
    """A browser window of one person."""

    def __init__(self, test, who, demo=None, **options):
        self.test, self.who, self.demo = test, who, demo or Shared.demo
        options.setdefault("viewport", WIDE)
        self.context = Shared.browser.new_context(**options)
        self.context.set_default_timeout(PATIENCE_MS)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: message.type in ("error", "warning") and test.complain(message.text))
        self.page.on("pageerror", lambda error: test.complain(str(error)))
        self.context.on("request", self.stays_here)
        test.addCleanup(self.context.close)
        self.page.goto(self.demo.link)

    def stays_here(self, request):
        if not request.url.startswith(self.demo.address + "/"):
            self.test.complain(f"a request left: {request.url}")

    def join(self):
        """Comes in under the person's name."""
        self.page.get_by_label("or somebody else").fill(self.who)
        self.page.get_by_role("button", name="Come in").click()
        expect(self.page.locator(".me b")).to_have_text(self.who)
        return self

    def go(self, path):
        self.page.goto(f"{self.demo.address}/{self.who}{path}")
        return self

    def see(self, selector, **having):
        return self.page.locator(selector, **having)

    def answers(self):
        return self.see("#thread .post.ours")

    def begin(self, text, place="/general"):
        """Begins a thread, which opens."""
        self.go(place)
        box = self.see("#write")
        box.fill(text if place == "/dm" else f"@assistant {text}")
        box.press("Enter")
        expect(self.see("#thread .post").first).to_contain_text(text)
        return self

    def reply(self, text):
        """Writes into the thread that is open."""
        box = self.see("#write-thread")
        box.fill(text)
        box.press("Enter")
        expect(self.see("#thread .post.mine", has_text=text).last).to_be_visible()
        expect(box).to_have_value("")
        return self

    def tab_to(self, target, most, back=False):
        """Presses Tab until something has the focus, this often at most."""
        for _ in range(most):
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            if target.evaluate("element => element === document.activeElement"):
                return
        focused = self.page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        self.test.fail(f"after {most} presses {focused} has the focus")

    def say(self, text, **fields):
        """Says something without the page's forms: many posts at once, or in another place than the one that is shown."""
        form = {"who": self.who, "text": text, **fields}
        said = self.context.request.post(f"{self.demo.address}/do/say", form=form, headers={"origin": self.demo.address})
        self.test.assertTrue(said.ok, said.text())

    def from_end(self, selector):
        """How many pixels a list is scrolled away from its end."""
        return self.see(selector).evaluate("list => list.scrollHeight - list.scrollTop - list.clientHeight")

    def hears(self, *parts):
        """Waits until the newest answer is whole and holds these parts."""
        newest = self.answers().last
        for part in parts:
            expect(newest).to_contain_text(part)
        self.is_quiet()
        return newest

    def is_quiet(self):
        """Waits until nothing grows in the thread, and nothing is being done there."""
        expect(self.see("#thread [data-streaming]")).to_have_count(0)
        expect(self.see("#doing .says")).to_have_count(0)

    def picture(self, name):
        self.page.screenshot(path=os.path.join(os.environ["PICTURES"], f"{name}.png"), animations="disabled")


class TestCase(unittest.TestCase):
    """A test of the page. It fails when a page complained or asked for anything elsewhere."""

    # What shows the page; the demo unless a class says otherwise.
    program = None

    @classmethod
    def setUpClass(cls):
        Shared.start(cls.program)

    def setUp(self):
        self.complaints, self.ignore = [], None
        self.addCleanup(lambda: self.assertEqual(self.complaints, []))

    def complain(self, text):
        if not (self.ignore and re.search(self.ignore, text)):
            self.complaints.append(text)

    def window(self, who, **options):
        return Window(self, who, **options).join()
