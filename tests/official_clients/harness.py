"""Starts the small Slack and the scripted model, and tells them what to do."""

import json
import os
import subprocess
import unittest
import urllib.request

# Longest wait for something that should come at once, in seconds.
PATIENCE_S = 10


class Servers:
    """The servers of one test, as a process; `slack` and `model` are told what to do through their control address."""

    def __init__(self, *arguments):
        program = os.environ["SMALL_SLACK"]
        self.process = subprocess.Popen([program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{program} ended before it was ready, with status {self.process.wait()}")
        self.ready = json.loads(line)

    def tell(self, path, body=None):
        """Posts `body` to the control address."""
        request = urllib.request.Request(
            self.ready["control_url"] + path,
            data=json.dumps(body if body is not None else {}).encode(),
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def advance(self, secs):
        """Lets time pass on the servers' clock."""
        self.tell("/clock/advance", {"secs": secs})

    def stop(self):
        """Closing its input ends the process."""
        self.process.stdin.close()
        status = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        if status != 0:
            raise RuntimeError(f"the servers ended with status {status}")


class TestCase(unittest.TestCase):
    """A test with servers of its own."""

    ARGUMENTS = ()

    def setUp(self):
        self.servers = Servers(*self.ARGUMENTS)
        self.addCleanup(self.servers.stop)
