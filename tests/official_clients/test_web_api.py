"""PyPI `slack_sdk`'s WebClient, driven against each method of the small Slack."""

import os
import unittest

from slack_sdk.errors import SlackApiError

from harness import SlackTestCase


class WebApiTest(SlackTestCase):
    # Methods that some test called, and methods that exist.
    driven, existing = set(), set()

    def setUp(self):
        super().setUp()
        self.existing.update(self.ready["methods"])
        self.addCleanup(lambda: self.driven.update(self.tell("/slack/methods_called")["methods"]))
        self.thread = self.say("ana", "#general", "can you help?", mention=True)
        self.channel, self.root = self.thread["channel"], self.thread["root"]
        self.ana = self.web.conversations_replies(channel=self.channel, ts=self.root)["messages"][0]["user"]

    def reply(self, text):
        return self.web.chat_postMessage(channel=self.channel, thread_ts=self.root, text=text)["ts"]

    def replies(self):
        answer = self.web.conversations_replies(channel=self.channel, ts=self.root, include_all_metadata=True)
        return answer["messages"][1:]

    def refused(self, error, method, **arguments):
        with self.assertRaises(SlackApiError) as raised:
            method(**arguments)
        self.assertEqual(raised.exception.response["error"], error)
        return raised.exception.response

    def test_the_app_learns_who_it_is_and_who_is_there(self):
        self.assertEqual(self.web.api_test(foo="bar")["args"]["foo"], "bar")
        link = self.web.apps_connections_open(app_token=self.ready["app_token"])["url"]
        self.assertTrue(link.startswith("ws://127.0.0.1:"), link)
        me = self.web.auth_test()
        self.assertEqual((me["user_id"], me["team_id"]), (self.ready["bot_user"], self.ready["workspace"]))
        self.assertEqual(self.web.bots_info(bot=me["bot_id"])["bot"]["user_id"], me["user_id"])
        self.assertEqual(self.web.team_info()["team"]["id"], me["team_id"])
        user = self.web.users_info(user=self.ana)["user"]
        self.assertEqual((user["id"], user["is_bot"]), (self.ana, False))
        self.assertIn(self.ana, [member["id"] for member in self.web.users_list()["members"]])
        self.refused("user_not_found", self.web.users_info, user="U404")

    def test_channels_are_found_and_read_page_by_page(self):
        general = self.web.conversations_info(channel=self.channel)["channel"]
        self.assertEqual((general["id"], general["name"]), (self.channel, "general"))
        self.assertIn(self.channel, [channel["id"] for channel in self.web.conversations_list()["channels"]])
        self.assertIn(self.channel, [channel["id"] for channel in self.web.users_conversations()["channels"]])
        members = self.web.conversations_members(channel=self.channel)["members"]
        self.assertLessEqual({self.ana, self.ready["bot_user"]}, set(members))
        for number in range(5):
            self.say("ben", "#general", f"post {number}")
        texts = []
        for page in self.web.conversations_history(channel=self.channel, limit=2):
            self.assertLessEqual(len(page["messages"]), 2)
            texts += [message["text"] for message in page["messages"]]
        self.assertEqual(texts[:5], [f"post {number}" for number in (4, 3, 2, 1, 0)])
        self.web.conversations_join(channel=self.channel)

    def test_a_direct_message_is_opened_and_written_to(self):
        channel = self.web.conversations_open(users=[self.ana])["channel"]["id"]
        self.assertTrue(channel.startswith("D"))
        posted = self.web.chat_postMessage(channel=channel, text="hello")
        self.assertEqual(self.web.conversations_history(channel=channel)["messages"][0]["ts"], posted["ts"])

    def test_a_post_is_made_changed_and_deleted(self):
        metadata = {"event_type": "answer", "event_payload": {"turn": "1"}}
        posted = self.web.chat_postMessage(
            channel=self.channel, thread_ts=self.root, text="half", metadata=metadata, unfurl_links=False
        )
        self.assertEqual(posted["message"]["user"], self.ready["bot_user"])
        self.advance(2)
        self.web.chat_update(channel=self.channel, ts=posted["ts"], text="the whole")
        (reply,) = self.replies()
        self.assertEqual((reply["text"], reply["thread_ts"], reply["metadata"]), ("the whole", self.root, metadata))
        link = self.web.chat_getPermalink(channel=self.channel, message_ts=posted["ts"])["permalink"]
        self.assertIn(posted["ts"].replace(".", ""), link)
        self.web.chat_delete(channel=self.channel, ts=posted["ts"])
        self.assertEqual(self.replies(), [])
        self.refused("message_not_found", self.web.chat_update, channel=self.channel, ts=posted["ts"], text="x")
        self.refused("cant_update_message", self.web.chat_update, channel=self.channel, ts=self.root, text="x")

    def test_an_ephemeral_post_is_in_no_history(self):
        posted = self.web.chat_postEphemeral(channel=self.channel, user=self.ana, text="psst", thread_ts=self.root)
        self.assertTrue(posted["message_ts"])
        self.assertEqual(self.replies(), [])

    def test_reactions_come_and_go(self):
        arguments = {"channel": self.channel, "timestamp": self.root, "name": "eyes"}
        self.web.reactions_add(**arguments)
        self.refused("already_reacted", self.web.reactions_add, **arguments)
        self.web.reactions_remove(**arguments)
        self.refused("no_reaction", self.web.reactions_remove, **arguments)

    def test_a_thread_shows_its_status_until_the_answer_comes(self):
        place = {"channel_id": self.channel, "thread_ts": self.root}
        self.web.assistant_threads_setStatus(**place, status="is thinking", loading_messages=["Reading", "Writing"])
        self.assertEqual(self.shown(self.thread)["status"], "is thinking")
        self.reply("done")
        self.assertIsNone(self.shown(self.thread)["status"])
        self.web.assistant_threads_setTitle(**place, title="Help")
        prompts = [{"title": "Again", "message": "Do it again"}]
        self.web.assistant_threads_setSuggestedPrompts(channel_id=self.channel, prompts=prompts)

    def test_a_session_has_a_status_and_a_name(self):
        place = {"channel_id": self.channel, "thread_ts": self.root}
        status = self.web.api_call("agents.sessions.setStatus", json={**place, "status": "processing"})
        self.assertEqual(status["status"], "processing")
        self.assertEqual(self.web.api_call("agents.sessions.rename", json={**place, "title": "Help"})["title"], "Help")

    def test_the_home_tab_is_published(self):
        view = {"type": "home", "blocks": [{"type": "divider"}]}
        self.assertEqual(self.web.views_publish(user_id=self.ana, view=view)["view"]["type"], "home")

    def test_the_stream_helper_writes_one_message(self):
        stream = self.stream(buffer_size=8)
        for word in ("**Hello** ", "dear ", "Ana, ", "how are you?"):
            stream.append(markdown_text=word)
        stopped = stream.stop(markdown_text=" Well?")
        self.assertEqual(stopped["ts"], stream.ts)
        (answer,) = self.shown(self.thread)["answers"]
        self.assertEqual(answer, "**Hello** dear Ana, how are you? Well?")
        self.assertEqual([reply["ts"] for reply in self.replies()], [stream.ts])

    def test_chunks_are_streamed_as_well(self):
        stream = self.stream()
        task = {"type": "task_update", "id": "1", "title": "Look it up", "status": "complete"}
        stream.append(chunks=[task, {"type": "markdown_text", "text": "It is "}])
        stream.stop(chunks=[{"type": "markdown_text", "text": "here."}])
        self.assertEqual(self.shown(self.thread)["answers"], ["It is here."])

    def test_a_stream_that_slack_ended_takes_no_more_and_is_repaired_by_an_update(self):
        stream = self.stream(buffer_size=1)
        stream.append(markdown_text="Par")
        self.refused("streaming_state_conflict", self.web.chat_update, channel=self.channel, ts=stream.ts, text="Paris.")
        self.tell("/slack/end_streams")
        self.refused("message_not_in_streaming_state", stream.append, markdown_text="is.")
        self.web.chat_update(channel=self.channel, ts=stream.ts, text="Paris.")
        self.assertEqual(self.shown(self.thread)["answers"], ["Paris."])

    def test_a_stream_in_a_channel_needs_a_recipient(self):
        place = {"channel": self.channel, "thread_ts": self.root}
        self.refused("missing_recipient_team_id", self.web.chat_startStream, **place, recipient_user_id=self.ana)
        self.refused(
            "missing_recipient_user_id", self.web.chat_startStream, **place, recipient_team_id=self.ready["workspace"]
        )

    def test_a_method_called_too_often_says_when_to_come_back(self):
        self.tell("/slack/next", {"method": "chat.postMessage", "fails_429": 7})
        with self.assertRaises(SlackApiError) as raised:
            self.reply("hello")
        response = raised.exception.response
        self.assertEqual((response.status_code, response["error"]), (429, "ratelimited"))
        self.assertEqual(int(response.headers["Retry-After"]), 7)

    def test_a_wrong_token_and_an_unknown_channel_are_refused(self):
        self.refused("invalid_auth", self.web.auth_test, token="xoxb-wrong")
        self.refused("channel_not_found", self.web.chat_postMessage, channel="C404", text="hello")
        self.refused("not_allowed_token_type", self.web.apps_connections_open, app_token=self.ready["bot_token"])

    @classmethod
    def tearDownClass(cls):
        forgotten = sorted(cls.existing - cls.driven)
        if forgotten and not os.environ.get("SOME_TESTS"):
            raise AssertionError(f"no test calls {forgotten}")

    def stream(self, **arguments):
        return self.web.chat_stream(
            channel=self.channel,
            thread_ts=self.root,
            recipient_user_id=self.ana,
            recipient_team_id=self.ready["workspace"],
            **arguments,
        )


if __name__ == "__main__":
    unittest.main()
