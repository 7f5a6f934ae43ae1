"""Makes the picture at the top of the README: `tests/browser/run picture`. Look at it before you commit it."""

import pathlib

from harness import TestCase, Window, expect

PICTURE = pathlib.Path(__file__).parents[2] / "docs" / "thread.png"
BYTES_MAX = 200_000


class Picture(TestCase):
    def test_a_thread_is_worth_a_look(self):
        ana = Window(self, "ana", viewport={"width": 1280, "height": 860}, device_scale_factor=1.25)
        ben = Window(self, "ben")
        ana.begin("I am Ana, my dog is Rex, the code word is otter").hears("Rex")
        ben.page.goto(ana.page.url.replace("/ana/", "/ben/"))
        ben.reply("My dog is Odin. Who am I?").hears("Odin")
        ana.reply("Show a table").hears("all who wrote here")
        ben.reply("what do you remember?")
        expect(ana.answers().last).to_contain_text("I was shown")
        ana.see("h1").click()
        PICTURE.parent.mkdir(exist_ok=True)
        ana.hears("Odin")
        ana.page.screenshot(path=str(PICTURE), animations="disabled")
        self.assertLess(PICTURE.stat().st_size, BYTES_MAX)
