"""The demo with a model that its environment names: the page shows what was really sent to it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import Demo, Shared, TestCase, Window, expect

KEY = "sk-nobody-is-to-see-this"


class Model(BaseHTTPRequestHandler):
    """A server that speaks chat completions, and answers all in the same words."""

    asked = []

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append((self.path, self.headers["authorization"], request))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for word in ("Answered ", "from ", "elsewhere."):
            self.say({"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]})
        self.say({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self.wfile.write(b"data: [DONE]\n\n")

    def say(self, piece):
        piece = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "far-1", **piece}
        self.wfile.write(f"data: {json.dumps(piece)}\n\n".encode())

    def log_message(self, *_):
        pass


class Models(TestCase):
    @classmethod
    def setUpClass(cls):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cls.addClassCleanup(server.server_close)
        cls.addClassCleanup(server.shutdown)
        url = f"http://127.0.0.1:{server.server_port}/v1"
        env = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": KEY, "CHATHAKASE_MODEL__NAME": "far-1"}
        Shared.start_browser()
        cls.demo = Demo(env=env)
        cls.addClassCleanup(cls.demo.stop)

    def test_the_model_of_the_environment_answers_and_the_page_shows_what_it_was_sent(self):
        window = Window(self, "una", self.demo).join().begin("is anybody there?")
        window.hears("Answered from elsewhere.")
        window.reply("and now?").hears("Answered from elsewhere.")
        window.page.get_by_role("link", name="Backstage").first.click()
        sent = window.see("#sent .sent")
        expect(sent).to_have_count(4)
        path, key, request = Model.asked[-1]
        self.assertEqual((path, key), ("/v1/chat/completions", f"Bearer {KEY}"))
        for shown, message in zip(sent.all(), request["messages"], strict=True):
            expect(shown.locator(".content")).to_have_text(message["content"], use_inner_text=False)
        expect(window.see("#sent .figures")).to_contain_text("far-1")
        self.assertNotIn(KEY, window.page.content())
