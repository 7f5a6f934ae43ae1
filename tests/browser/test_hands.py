"""Without a mouse, on a phone, in the dark, without the script, and from elsewhere."""

import urllib.error
import urllib.request

from harness import PHONE, Shared, TestCase, Window, expect


class Hands(TestCase):
    def test_everything_can_be_done_by_keyboard(self):
        window = Window(self, "ana")
        keys = window.page.keyboard
        window.tab_to(window.page.get_by_role("link", name="ana"), 1)
        keys.press("Enter")
        expect(window.see("#write")).to_be_focused()
        keys.type("@assistant first line")
        keys.press("Shift+Enter")
        keys.type("second line")
        keys.press("Enter")
        expect(window.see("#write-thread")).to_be_focused()
        expect(window.see("#thread .post").first).to_contain_text("second line")
        window.is_quiet()
        # An empty composer's arrow changes the last message; Escape leaves it.
        keys.press("ArrowUp")
        expect(window.see("#write-edit")).to_be_focused()
        keys.press("Escape")
        expect(window.see("#write-edit")).to_have_count(0)
        # From the composer over the ideas back to the newest post, and through them.
        ideas, posts = window.see(".thread .ideas button"), window.see("#thread .post")
        window.tab_to(ideas.first, 1, back=True)
        keys.press("ArrowRight")
        expect(ideas.nth(1)).to_be_focused()
        window.tab_to(posts.last, 1, back=True)
        keys.press("ArrowUp")
        expect(posts.first).to_be_focused()
        keys.press("End")
        expect(posts.last).to_be_focused()
        keys.press("Home")
        window.tab_to(posts.first.get_by_role("link", name="Edit"), 1)
        window.tab_to(posts.first.get_by_role("link", name="Delete"), 1)
        window.tab_to(posts.first, 2, back=True)
        keys.press("Enter")
        expect(window.see("#write-edit")).to_be_focused()
        keys.press("Escape")
        expect(window.see("#write-thread")).to_be_focused()
        keys.press("Escape")
        expect(window.see("section.thread")).to_have_count(0)

    def test_a_channel_costs_few_tabs_however_much_is_in_it(self):
        window = Window(self, "ana").begin("look here")
        window.is_quiet()
        window.go("/general")
        posts, keys = window.see("#channel .post"), window.page.keyboard
        expect(posts.nth(1)).to_be_visible()
        expect(window.see("#write")).to_be_focused()
        window.tab_to(posts.last, 3, back=True)
        backstage = window.page.get_by_role("link", name="Backstage")
        window.tab_to(backstage, 1, back=True)
        window.tab_to(posts.last, 1)
        keys.press("Enter")
        expect(window.see("#thread .post").first).to_contain_text("look here")
        # What is broken is broken by keyboard too.
        window.tab_to(backstage.first, 12, back=True)
        keys.press("Enter")
        expect(window.see(".backstage")).to_be_visible()
        window.tab_to(window.page.get_by_role("button", name="Drop the socket"), 16)
        keys.press("Enter")
        expect(window.see(".note.well").first).to_contain_text("connected again")
        keys.press("Escape")
        expect(window.see(".backstage")).to_have_count(0)
        # Places.
        places = window.see(".place")
        window.tab_to(places.last, 20, back=True)
        keys.press("ArrowUp")
        expect(places.nth(1)).to_be_focused()
        keys.press("Enter")
        expect(window.see("h1")).to_have_text("#random")

    def test_without_the_script_the_first_tab_skips_to_writing(self):
        window = self.window("tab", java_script_enabled=False).go("/general")
        skip = window.see("a.skip")
        window.tab_to(skip, 1)
        expect(skip).to_be_in_viewport(ratio=1)
        window.page.keyboard.press("Enter")
        window.page.keyboard.type("here")
        expect(window.see("#write")).to_have_value("here")

    def test_a_name_that_is_none_is_said_beside_the_field_which_keeps_it(self):
        window = Window(self, "eli")
        self.ignore = "422"
        field = window.page.get_by_label("or somebody else")
        field.fill("Ana Maria")
        field.press("Enter")
        expect(window.see(".wrong")).to_contain_text("one word of letters")
        expect(field).to_have_value("Ana Maria")
        expect(field).to_be_focused()
        window.join()

    def test_new_posts_are_read_out(self):
        one, two = self.window("one"), self.window("two")
        two.go("/random")
        one.go("/random").see("#write").fill("can you hear me?")
        one.page.keyboard.press("Enter")
        expect(two.see("#announcer")).to_have_text("one: can you hear me?")
        expect(one.see("#announcer")).to_be_empty()

    def test_a_phone_shows_one_pane_at_a_time_with_a_way_back(self):
        window = self.window("fay", viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2)

        def shown(one):
            for pane in (".side", "main.channel", "section.thread", ".backstage"):
                expect(window.see(pane)).to_be_visible(visible=pane == one)
            width = window.page.evaluate("document.documentElement.scrollWidth")
            self.assertLessEqual(width, PHONE["width"], f"{one} is wider than the phone")

        shown(".side")
        window.picture("phone-places")
        window.see(".place", has_text="general").tap()
        shown("main.channel")
        window.see("#write").fill("@assistant I am Fay. Show a table")
        window.page.get_by_role("button", name="Send").tap()
        shown("section.thread")
        window.is_quiet()
        window.picture("phone-thread")
        window.see("section.thread .switch").tap()
        shown(".backstage")
        window.see(".backstage .back").tap()
        shown("section.thread")
        window.see("section.thread .back").tap()
        shown("main.channel")
        window.see("main.channel .back").tap()
        shown(".side")

    def test_light_and_dark_follow_the_system_or_the_button(self):
        window = self.window("sun", color_scheme="dark").go("/general")
        html = window.see("html")
        expect(html).to_have_css("background-color", "rgb(22, 25, 27)")
        window.picture("dark")
        window.page.get_by_role("button", name="Light or dark").click()
        expect(html).to_have_css("background-color", "rgb(251, 248, 241)")
        window.page.reload()
        expect(html).to_have_attribute("data-theme", "light")

    def test_a_page_is_whole_without_its_script(self):
        window = self.window("old", java_script_enabled=False).go("/general")
        window.see("#write").fill("@assistant I am Old")
        window.page.get_by_role("button", name="Send").click()
        expect(window.see("#thread .post").first).to_contain_text("I am Old")

    def test_what_was_not_sent_is_kept(self):
        window = self.window("pen").go("/general")
        window.see("#write").fill("half a thou")
        window.see(".place", has_text="random").click()
        expect(window.see("#write")).to_have_value("")
        window.see(".place", has_text="general").click()
        expect(window.see("#write")).to_have_value("half a thou")

    def test_nothing_that_is_written_becomes_part_of_the_page(self):
        window = self.window("eve")
        window.begin('<img src="https://x.invalid/a.png" onerror=alert(1)> <script>alert(1)</script> [a](javascript:alert(1))')
        window.hears("")
        self.assertEqual(window.see("#thread img, #thread script, #thread a[href^=javascript]").count(), 0)
        expect(window.see("#thread .post.mine")).to_contain_text("<script>alert(1)</script>")

    def test_only_who_has_the_link_comes_in(self):
        def status(path, **headers):
            request = urllib.request.Request(Shared.demo.address + path, headers=headers)
            try:
                return urllib.request.urlopen(request, timeout=10).status
            except urllib.error.HTTPError as refused:
                return refused.code

        self.assertEqual(status("/"), 403)
        self.assertEqual(status("/page.js"), 403)
        self.assertEqual(status("/?key=0"), 403)
        key, port = Shared.demo.link.split("key=")[1], Shared.demo.address.rsplit(":", 1)[1]
        cookie = f"chathakase_demo_{port}={key}"
        self.assertEqual(status("/", cookie=cookie), 200)
        self.assertEqual(status("/", host=f"evil.example:{port}", cookie=cookie), 403)
