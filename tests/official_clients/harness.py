"""Starts the small Slack and the scripted model, and tells them what to do."""

import json
import os
import subprocess
import unittest
import urllib.request

import slack_sdk

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

    def pass_sleep(self, secs):
        """Waits until one of the servers sleeps for exactly so long, then lets that time pass."""
        self.tell("/clock/pass_sleep", {"secs": secs})

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


class SlackTestCase(TestCase):
    """A test with a small Slack and the official Web API client."""

    def setUp(self):
        super().setUp()
        self.ready = self.servers.ready
        self.tell = self.servers.tell
        self.advance = self.servers.advance
        self.pass_sleep = self.servers.pass_sleep
        self.web = slack_sdk.WebClient(token=self.ready["bot_token"], base_url=self.ready["api_url"], timeout=PATIENCE_S)

    def say(self, who, channel, text, root=None, mention=False):
        """Posts as a person: in a channel, in a thread when there is a root, or as a direct message without a channel."""
        said = {"who": who, "channel": channel, "text": text, "root": root, "mention": mention}
        return self.tell("/slack/say", said)

    def say_without_waiting(self, who, channel, text):
        """Posts as a person; does not wait for the app to acknowledge it."""
        self.tell("/slack/say", {"who": who, "channel": channel, "text": text, "wait": False})

    def shown(self, thread):
        """What the app has standing in a thread, and its status."""
        return self.tell("/slack/thread", {"channel": thread["channel"], "root": thread["root"]})
