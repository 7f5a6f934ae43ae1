"""People talk: to the assistant, and with each other."""

from datetime import datetime, timezone

from harness import Shared, TestCase, Window, expect


class Talking(TestCase):
    def test_an_answer_streams_in_and_the_next_one_knows_it(self):
        window = Window(self, "ana")
        window.picture("first-page")
        window.page.get_by_role("link", name="ana").click()
        window.begin("I am Ana, my dog is Rex, the code word is otter")
        window.hears("Nice to meet you, Ana", "the code word is otter")
        window.reply("What is the code word?").hears("The code word is otter.")
        window.page.get_by_role("link", name="Backstage").first.click()
        sent = window.see("#sent .sent")
        expect(sent).to_have_count(4)
        expect(sent.nth(1)).to_contain_text("I am Ana, my dog is Rex, the code word is otter")
        expect(sent.nth(2)).to_contain_text("Nice to meet you")
        expect(sent.last).to_contain_text("What is the code word?")
        expect(window.see("#sent .figures")).to_contain_text("stand-in")
        expect(window.see("#sent")).to_contain_text("All of the thread up to the question.")
        window.reply("write 60 words")
        expect(window.see("#sent .state")).to_have_text("answering")
        expect(window.see("#thread [data-streaming]")).to_have_count(1)
        expect(window.see("#doing .says")).to_contain_text("is writing…")
        window.picture("backstage")
        window.hears("Here is a long answer.", "1. ")
        expect(window.see("#sent .state")).to_have_text("answered")

    def test_posts_say_when_they_were_written(self):
        now = lambda: f"{datetime.now(timezone.utc):%H:%M}"
        began = now()
        window = self.window("tim").begin("I am Tim")
        window.hears("Tim")
        times = window.see("#thread .post time").all_inner_texts()
        self.assertEqual(len(times), 2)
        for time in times:
            # The minute may have turned over meanwhile.
            self.assertIn(time, (began, now()))
        expect(window.see("#channel .post", has_text="I am Tim").locator(".when")).to_have_text(f"last at {times[1]}")

    def test_what_an_answer_is_made_of_is_drawn(self):
        window = self.window("mia").begin("show a table")
        window.hears("all who wrote here")
        expect(window.see("#thread table th")).to_have_text(["thread", "people", "what I know"])
        window.reply("show some code").hears("SlackTs")
        expect(window.see("#thread pre[data-language=rust] code")).to_contain_text("struct ThreadKey")
        window.reply("make a list").hears("Names.")
        expect(window.see("#thread ol ul li")).to_have_count(2)
        window.picture("thread")

    def test_two_people_in_two_windows_see_each_other_at_once(self):
        kim, lou = self.window("kim"), self.window("lou")
        lou.go("/random")
        kim.begin("I am Kim")
        expect(lou.see(".place", has_text="general").locator(".badge")).to_be_visible()
        lou.see(".place", has_text="general").click()
        lou.see("#channel .post", has_text="I am Kim").locator(".summary").click()
        kim.is_quiet()
        lou.reply("write 60 words")
        expect(kim.see("#thread [data-streaming]")).to_have_count(1)
        expect(kim.see("#thread .post[data-who=lou]")).to_contain_text("write 60 words")
        kim.hears("1. ")
        kim.reply("who is here?")
        lou.hears("kim, 2 messages", "lou, 1 message")

    def test_direct_messages_are_for_one_person_backstage_too(self):
        amy, bob = self.window("amy"), self.window("bob")
        amy.begin("the password is marlin", "/dm").hears("marlin")
        bob.go("/general?backstage=1")
        expect(bob.see("#sent .sent.user").first).to_be_visible()
        self.assertNotIn("marlin", bob.page.content())
        bob.go("/dm?backstage=1")
        expect(bob.see("#sent")).to_contain_text("The model was asked nothing here yet.")
        expect(bob.see("#channel")).to_contain_text("A talk of your own")
        bob.page.goto(amy.page.url.replace("/amy/", "/bob/"))
        expect(bob.see("#thread")).to_contain_text("There is no such thread")
        self.assertNotIn("marlin", bob.page.content())
        # Two threads at once: each window is shown its own.
        bob.begin("the code word is plaice").hears("plaice")
        bob.page.get_by_role("link", name="Backstage").first.click()
        expect(bob.see("#sent .sent.user")).to_contain_text(["the code word is plaice"])
        amy.page.get_by_role("link", name="Backstage").first.click()
        expect(amy.see("#sent .sent.user")).to_contain_text(["the password is marlin"])
        amy.reply("what is the password?").hears("marlin")
        expect(amy.see("#sent .sent.user")).to_have_count(2)
        expect(bob.see("#sent .sent.user")).to_contain_text(["the code word is plaice"])

    def test_ideas_speak_for_who_is_offered_them(self):
        expect(Window(self, "ben").go("/random").see(".ideas button").first).to_have_text("I am Ben, and my dog is Rex")

    def test_a_whisper_is_seen_by_one_person(self):
        ana = Window(self, "ana").go("/general")
        ida = self.window("ida").begin("I am Ida")
        ida.hears("Nice to meet you")
        ana.page.goto(ida.page.url.replace("/ida/", "/ana/"))
        ana.reply("all sessions")
        whisper = ana.see("#thread .only-here")
        expect(whisper).to_contain_text("Only visible to you")
        expect(whisper).to_contain_text("active session")
        ida.reply("who is here?").hears("Only you, Ida and I")
        expect(ida.see("#thread .post.mine").last).to_contain_text("who is here?")
        expect(ida.see(".only-here")).to_have_count(0)

    def test_own_messages_are_changed_and_deleted(self):
        window = self.window("noa").begin("the code word is heron")
        window.hears("heron")
        post = window.see("#thread .post.mine").first
        post.hover()
        post.get_by_role("link", name="Edit").click()
        editor = window.page.get_by_label("Change your message")
        expect(editor).to_have_value("@assistant the code word is heron")
        editor.fill("@assistant the code word is stork")
        window.page.get_by_role("button", name="Save").click()
        expect(post).to_contain_text("stork")
        expect(post.locator(".mark")).to_have_text("(edited)")
        window.reply("what is the code word?").hears("The code word is stork")
        last = window.see("#thread .post.mine").last
        last.hover()
        last.get_by_role("link", name="Delete").click()
        window.picture("deleting")
        window.page.get_by_role("button", name="Delete").click()
        expect(window.see("#thread .post.mine")).to_have_count(1)
        post.hover()
        post.get_by_role("link", name="Delete").click()
        window.page.get_by_role("button", name="Delete").click()
        expect(window.see("#thread .post.deleted")).to_contain_text("This message was deleted.")

    def test_stop_ends_an_answer(self):
        window = self.window("udo").begin("write 600 words")
        expect(window.answers().last).to_contain_text("Here is a long answer")
        window.page.get_by_role("button", name="Stop the answer").click()
        window.is_quiet()
        self.assertNotIn("6.", window.answers().last.inner_text())
        window.reply("who are you?").hears("not a language model")
