"""PyPI `slack_sdk`'s Socket Mode clients, connected to the small Slack."""

import asyncio
import logging
import queue
import unittest

from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.aiohttp import SocketModeClient as AioSocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from harness import PATIENCE_S, SlackTestCase

# How long the small Slack waits for an acknowledgement, in seconds on its clock.
ACK_WAIT_S = 3


class SocketModeTest(SlackTestCase):
    ARGUMENTS = ("socket",)

    def setUp(self):
        super().setUp()
        self.received = queue.Queue()
        self.hellos = queue.Queue()
        # Answers for the next envelopes; `False` keeps silent.
        self.acknowledges = []
        self.client = self.connect()

    def connect(self):
        logger = logging.getLogger("socket mode")
        logger.setLevel(logging.CRITICAL)
        client = SocketModeClient(app_token=self.ready["app_token"], web_client=self.web, logger=logger, ping_interval=0.5)
        client.message_listeners.append(self.on_message)
        client.socket_mode_request_listeners.append(self.on_request)
        self.addCleanup(client.close)
        client.connect()
        self.hellos.get(timeout=PATIENCE_S)
        return client

    def on_message(self, client, message, raw):
        if message.get("type") == "hello":
            self.hellos.put(message)

    def on_request(self, client, request):
        if self.acknowledges.pop(0) if self.acknowledges else True:
            client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
        self.received.put(request)

    def next_request(self):
        return self.received.get(timeout=PATIENCE_S)

    def test_an_envelope_is_received_and_acknowledged(self):
        said = self.say("ana", "#general", "hello", mention=True)
        requests = [self.next_request() for _ in range(2)]
        self.assertEqual({request.type for request in requests}, {"events_api"})
        self.assertEqual(sorted(request.payload["event"]["type"] for request in requests), ["app_mention", "message"])
        self.assertEqual({request.payload["event"]["ts"] for request in requests}, {said["ts"]})
        self.assertEqual({request.retry_attempt for request in requests}, {0})
        self.advance(ACK_WAIT_S)
        self.say("ana", "#general", "again")
        self.assertEqual(self.next_request().payload["event"]["text"], "again", "nothing came twice")

    def test_an_envelope_without_acknowledgement_comes_again(self):
        self.acknowledges = [False]
        self.say_without_waiting("ana", "#general", "hello")
        first = self.next_request()
        self.pass_sleep(ACK_WAIT_S)
        second = self.next_request()
        self.assertEqual((first.payload["event_id"], first.retry_attempt), (second.payload["event_id"], 0))
        self.assertEqual((second.retry_attempt, second.retry_reason), (1, "http_timeout"))
        self.assertNotEqual(first.envelope_id, second.envelope_id)

    def test_a_long_message_arrives_whole(self):
        text = "0123456789 äöü 漢字 " * 1000
        self.say("ana", "#general", text)
        self.assertEqual(self.next_request().payload["event"]["text"], text)

    def test_the_client_follows_when_it_is_told_to_reconnect(self):
        self.tell("/slack/disconnect", {"reason": "warning"})
        self.hellos.get(timeout=PATIENCE_S)
        self.say("ana", "#general", "still there?")
        self.assertEqual(self.next_request().payload["event"]["text"], "still there?")

    def test_what_was_said_while_the_line_was_cut_is_delivered_afterwards(self):
        self.tell("/slack/drop_sockets")
        self.say_without_waiting("ana", "#general", "still there?")
        self.hellos.get(timeout=PATIENCE_S)
        self.assertEqual(self.next_request().payload["event"]["text"], "still there?")

    def test_the_own_answer_comes_back_as_an_event(self):
        said = self.say("ana", "#general", "hello")
        self.next_request()
        self.web.chat_postMessage(channel=said["channel"], thread_ts=said["root"], text="Hello Ana.")
        event = self.next_request().payload["event"]
        self.assertEqual((event["user"], event["text"]), (self.ready["bot_user"], "Hello Ana."))
        self.assertTrue(event["bot_id"] and event["app_id"])


class AioSocketModeTest(SlackTestCase):
    ARGUMENTS = ("socket",)

    def test_the_asynchronous_client_works_as_well(self):
        asyncio.run(asyncio.wait_for(self.receive_one(), PATIENCE_S))

    async def receive_one(self):
        web = AsyncWebClient(token=self.ready["bot_token"], base_url=self.ready["api_url"])
        client = AioSocketModeClient(app_token=self.ready["app_token"], web_client=web)
        received = asyncio.Queue()

        async def on_request(client, request):
            await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
            await received.put(request)

        client.socket_mode_request_listeners.append(on_request)
        await client.connect()
        await asyncio.to_thread(self.say, "ana", None, "hello")
        event = (await received.get()).payload["event"]
        self.assertEqual((event["channel_type"], event["text"]), ("im", "hello"))
        await client.close()


if __name__ == "__main__":
    unittest.main()
