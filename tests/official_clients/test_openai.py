"""PyPI `openai`, driven against the scripted model: what we take for the protocol is what the official client takes for it."""

import unittest

import httpx2
import openai

from harness import PATIENCE_S, TestCase

MESSAGES = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hello"}]


class OpenAiTest(TestCase):
    def setUp(self):
        super().setUp()
        self.client = openai.OpenAI(
            base_url=self.servers.ready["model_base_url"], api_key="sk-test", max_retries=0, timeout=PATIENCE_S
        )
        self.addCleanup(self.client.close)

    def turn(self, *steps):
        self.servers.tell("/model/turn", list(steps))

    def ask(self, client=None, **arguments):
        completions = (client or self.client).chat.completions
        return completions.create(model="gpt-4o", messages=MESSAGES, stream=True, **arguments)

    def seen(self):
        return self.servers.tell("/model/seen")

    def test_an_answer_streams_word_by_word(self):
        self.turn({"words": "Hello dear Ana."})
        chunks = list(self.ask(temperature=0.7, max_tokens=2000, stream_options={"include_usage": True}))
        deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
        self.assertEqual(deltas[0].role, "assistant")
        self.assertEqual([delta.content for delta in deltas], ["", "Hello", " dear", " Ana.", None])
        self.assertEqual(chunks[-2].choices[0].finish_reason, "stop")
        usage = chunks[-1].usage
        self.assertEqual(usage.completion_tokens, 3)
        self.assertEqual(usage.total_tokens, usage.prompt_tokens + 3)
        self.assertEqual({(chunk.object, chunk.model) for chunk in chunks}, {("chat.completion.chunk", "gpt-4o")})
        self.assertEqual(len({chunk.id for chunk in chunks}), 1)
        self.assertEqual(self.seen()["complaints"], [])
        self.assertEqual(self.seen()["requests"][0]["messages"], MESSAGES)

    def test_the_stream_helper_collects_the_whole_answer(self):
        self.turn({"text": "Lo"}, {"text": "ng"}, {"finish": "length"})
        create = self.client.chat.completions.stream
        with create(model="gpt-4o", messages=MESSAGES, stream_options={"include_usage": True}) as stream:
            kinds = [event.type for event in stream]
            choice = stream.current_completion_snapshot.choices[0]
        self.assertEqual((choice.message.content, choice.finish_reason), ("Long", "length"))
        self.assertIn("content.delta", kinds)

    def test_a_gate_holds_the_stream(self):
        self.turn({"text": "Par"}, {"gate": "half"}, {"text": "is."})
        stream = iter(self.ask())
        self.assertEqual([next(stream).choices[0].delta.content for _ in range(2)], ["", "Par"])
        self.servers.tell("/model/open", {"gate": "half"})
        self.assertEqual([chunk.choices[0].delta.content for chunk in stream], ["is.", None])

    def test_a_cut_stream_is_an_error_after_its_text(self):
        self.turn({"text": "Par"}, "cut")
        said = []
        with self.assertRaises((openai.APIConnectionError, httpx2.TransportError)):
            for chunk in self.ask():
                said.append(chunk.choices[0].delta.content)
        self.assertEqual(said, ["", "Par"])

    def test_an_error_inside_the_stream_is_raised_with_its_message(self):
        self.turn({"text": "Par"}, {"error_event": "overloaded"})
        with self.assertRaises(openai.APIError) as raised:
            list(self.ask())
        self.assertNotIsInstance(raised.exception, openai.APIStatusError)
        self.assertEqual(raised.exception.message, "overloaded")

    def test_a_status_is_the_error_that_the_client_has_for_it(self):
        table = [
            (400, openai.BadRequestError, None),
            (401, openai.AuthenticationError, "invalid_api_key"),
            (404, openai.NotFoundError, "model_not_found"),
            (429, openai.RateLimitError, "rate_limit_exceeded"),
            (500, openai.InternalServerError, None),
            (503, openai.InternalServerError, None),
        ]
        for status, error, code in table:
            with self.subTest(status):
                self.turn({"status": status})
                with self.assertRaises(error) as raised:
                    self.ask()
                self.assertEqual((raised.exception.status_code, raised.exception.code), (status, code))

    def test_a_429_is_tried_again_when_it_says_so(self):
        self.turn({"answer": {"status": 429, "headers": {"retry-after-ms": "1"}, "body": "slow down"}})
        self.turn({"words": "Here I am."})
        said = [chunk.choices[0].delta.content for chunk in self.ask(self.client.with_options(max_retries=1))]
        self.assertEqual("".join(text or "" for text in said), "Here I am.")

    def test_hanging_up_is_a_connection_error(self):
        self.turn("hang_up")
        with self.assertRaises(openai.APIConnectionError):
            self.ask()

    def test_silence_is_a_timeout(self):
        self.turn("no_answer")
        with self.assertRaises(openai.APITimeoutError):
            self.ask(timeout=0.2)

    def test_a_request_nobody_planned_is_refused_once_and_reported(self):
        with self.assertRaises(openai.InternalServerError):
            self.ask(self.client.with_options(max_retries=2))
        seen = self.seen()
        self.assertEqual(len(seen["requests"]), 1, "it is not tried again")
        self.assertEqual(seen["complaints"], ['nobody planned an answer to "Hello"'])


if __name__ == "__main__":
    unittest.main()
