"""A list of posts stands where its reader wants it: at its end, or where they scrolled to."""

from harness import PHONE, Demo, Shared, TestCase, Window, expect

# As many as fill a window twice.
POSTS = 24
KEYBOARD = {"width": 390, "height": 480}


class Lists(TestCase):
    def full_thread(self, who, **options):
        """A window with a thread that is longer than it. The assistant is not in it, so nothing is answered."""
        window = self.window(who, **options)
        window.go("/random")
        window.see("#write").fill(f"a thread of {who}")
        window.see("#write").press("Enter")
        post = window.see("#channel .post", has_text=f"a thread of {who}")
        expect(post).to_be_visible()
        window.page.goto(f"{Shared.demo.address}/{who}/random/{post.get_attribute('id')[2:]}")
        fields = {"who": who, "place": "random", "root": window.page.url.rsplit("/", 1)[1]}
        for n in range(POSTS):
            window.say(f"post {n}", **fields)
        expect(window.see("#thread .post")).to_have_count(POSTS + 1)
        return window

    def scroll_up(self, window):
        window.see("#thread").evaluate("list => list.scrollTop = 0")
        expect(window.see("#thread .post").first).to_be_in_viewport()

    def test_what_is_written_on_a_phone_with_its_keyboard_open_is_seen(self):
        window = self.full_thread("pia", viewport=PHONE, has_touch=True, is_mobile=True)
        last = window.see("#thread .post").last
        expect(last).to_be_in_viewport()
        window.page.set_viewport_size(KEYBOARD)
        expect(last).to_be_in_viewport(ratio=1)
        window.reply("with the keyboard open")
        expect(last).to_be_in_viewport(ratio=1)
        window.page.set_viewport_size(PHONE)
        expect(last).to_be_in_viewport(ratio=1)

    def test_a_long_draft_pushes_nothing_out_of_sight(self):
        window = self.full_thread("lea")
        last = window.see("#thread .post").last
        window.see("#write-thread").fill("line\n" * 15)
        expect(last).to_be_in_viewport(ratio=1)
        window.see("#write-thread").fill("word " * 999 + "end")
        window.see("#write-thread").press("Enter")
        expect(last).to_contain_text("word end")
        expect(window.see("#write-thread")).to_have_value("")
        self.assertLess(window.from_end("#thread"), 2)

    def test_who_writes_while_scrolled_up_sees_what_they_wrote(self):
        window = self.full_thread("ron")
        self.scroll_up(window)
        window.reply("from above")
        expect(window.see("#thread .post").last).to_be_in_viewport(ratio=1)
        self.assertLess(window.from_end("#thread"), 2)

    def test_who_is_scrolled_up_stays_there_and_is_told_what_comes(self):
        window = self.full_thread("tea")
        other = self.window("tom")
        fields = {"place": "random", "root": window.page.url.rsplit("/", 1)[1]}
        news = window.see(".thread .news")
        other.say("one", **fields)
        expect(window.see("#thread .post").last).to_be_in_viewport(ratio=1)
        expect(news).to_be_hidden()
        self.scroll_up(window)
        other.say("two", **fields)
        expect(news).to_have_text("1 new")
        other.say("three", **fields)
        expect(news).to_have_text("2 new")
        expect(window.see("#thread .post").first).to_be_in_viewport()
        window.picture("news-below")
        news.click()
        expect(window.see("#thread .post").last).to_be_in_viewport(ratio=1)
        expect(news).to_be_hidden()
        self.scroll_up(window)
        other.say("four", **fields)
        expect(news).to_have_text("1 new")
        window.see("#thread").evaluate("list => list.scrollTop = list.scrollHeight")
        expect(news).to_be_hidden()

    def test_an_old_message_is_changed_in_sight_and_one_is_back_where_one_was(self):
        window = self.full_thread("uma")
        self.scroll_up(window)
        first = window.see("#thread .post").first
        first.hover()
        first.get_by_role("link", name="Edit").click()
        expect(window.see("#write-edit")).to_be_focused()
        expect(first.locator(".byline")).to_be_in_viewport(ratio=1)
        window.page.get_by_role("link", name="Cancel").click()
        expect(window.see("#write-edit")).to_have_count(0)
        expect(first).to_be_in_viewport()
        window.page.go_back()
        expect(window.see("#write-thread")).to_be_visible()
        expect(window.see("#write-edit")).to_have_count(0)

    def test_what_slack_would_not_take_is_said_above_the_text_which_stays(self):
        window = self.window("ola", viewport=PHONE, has_touch=True, is_mobile=True).go("/general")
        box, trouble = window.see("#write"), window.see("#trouble")
        self.ignore = "422"
        window.page.evaluate("document.querySelector('#write').focus()")
        window.page.keyboard.insert_text("x" * 41_000)
        box.press("Enter")
        expect(trouble).to_contain_text("longer than the 40,000 characters")
        self.assertEqual(len(box.input_value()), 41_000)
        window.picture("phone-refused")
        above, below = trouble.bounding_box(), box.bounding_box()
        self.assertLessEqual(above["y"] + above["height"], below["y"], "it covers nothing")
        box.fill("shorter")
        box.press("Enter")
        expect(trouble).to_be_hidden()

    def test_the_end_of_the_demo_is_said(self):
        demo = Demo(opening=False)
        window = Window(self, "ana", demo=demo)
        window.page.get_by_role("link", name="ana").click()
        expect(window.see("#channel .post").first).to_be_visible()
        self.ignore = "ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET"
        demo.stop()
        trouble = window.see("#trouble")
        expect(trouble).to_have_text("The demo has ended. Start it again and open the link that it prints.")
        window.picture("ended")
        composer = window.see("form.composer").bounding_box()
        self.assertLessEqual(trouble.bounding_box()["y"] + trouble.bounding_box()["height"], composer["y"])
