"""Deliveries of the small Slack over HTTP, checked by PyPI `slack_sdk`'s SignatureVerifier."""

import http.server
import json
import queue
import threading
import unittest

from slack_sdk.signature import Clock, SignatureVerifier

from harness import PATIENCE_S, SlackTestCase


class At(Clock):
    """The servers' time."""

    def __init__(self, now):
        self.at = now

    def now(self):
        return self.at


class Receiver(http.server.BaseHTTPRequestHandler):
    """Keeps what is delivered, and answers with the next status that the test asked for."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        status, headers = self.server.next_answer()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        # Kept before the answer is out: the next delivery follows it at once, on another thread.
        self.server.received.put((self.path, dict(self.headers), body))
        self.end_headers()

    def log_message(self, *_):
        pass


class App(http.server.ThreadingHTTPServer):
    """An app that listens for events."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Receiver)
        self.received = queue.Queue()
        self.answers = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def next_answer(self):
        return self.answers.pop(0) if self.answers else (200, {})

    def next_delivery(self):
        return self.received.get(timeout=PATIENCE_S)

    def close(self):
        self.shutdown()
        self.server_close()


class HttpEventsTest(SlackTestCase):
    def setUp(self):
        super().setUp()
        self.app = App()
        self.addCleanup(self.app.close)
        self.tell("/slack/deliver_to", {"url": f"http://127.0.0.1:{self.app.server_port}"})

    def verifier(self, secret=None, later_s=0):
        return SignatureVerifier(secret or self.ready["signing_secret"], At(self.ready["now"] + later_s))

    def test_a_mention_is_delivered_as_two_signed_events(self):
        said = self.say("ana", "#general", "hello", mention=True)
        kinds, ids = [], set()
        for _ in range(2):
            path, headers, body = self.app.next_delivery()
            self.assertEqual(path, "/slack/events")
            self.assertTrue(self.verifier().is_valid_request(body, headers))
            self.assertTrue(self.verifier(later_s=300).is_valid_request(body, headers))
            self.assertFalse(self.verifier(later_s=301).is_valid_request(body, headers), "too old")
            self.assertFalse(self.verifier(secret="wrong").is_valid_request(body, headers))
            self.assertFalse(self.verifier().is_valid_request(body + b" ", headers), "another body")
            envelope = json.loads(body)
            self.assertEqual((envelope["type"], envelope["authorizations"][0]["team_id"]), ("event_callback", self.ready["workspace"]))
            self.assertEqual((envelope["event"]["ts"], envelope["event"]["channel"]), (said["ts"], said["channel"]))
            self.assertEqual(envelope["event"]["text"], f"<@{self.ready['bot_user']}> hello")
            kinds.append(envelope["event"]["type"])
            ids.add(envelope["event_id"])
        self.assertEqual((sorted(kinds), len(ids)), (["app_mention", "message"], 2))

    def test_a_failed_delivery_comes_again_at_once_then_after_a_minute_then_after_five(self):
        self.app.answers = [(500, {})] * 4
        self.say("ana", "#general", "hello")
        numbers, ids = [], set()
        for wait in (None, None, 60, 300):
            if wait:
                self.pass_sleep(wait)
            _, headers, body = self.app.next_delivery()
            self.assertEqual("http_error" if numbers else None, headers.get("x-slack-retry-reason"))
            numbers.append(headers.get("x-slack-retry-num"))
            ids.add(json.loads(body)["event_id"])
        self.assertEqual((numbers, len(ids)), ([None, "1", "2", "3"], 1))

    def test_a_refusal_for_good_is_not_tried_again(self):
        self.app.answers = [(404, {"x-slack-no-retry": "1"})]
        self.say("ana", "#general", "first")
        self.say("ana", "#general", "second")
        texts = [json.loads(self.app.next_delivery()[2])["event"]["text"] for _ in range(2)]
        self.assertEqual(texts, ["first", "second"])


if __name__ == "__main__":
    unittest.main()
