"""Every button that breaks something: it says what it did, and the assistant recovers."""

import re
from pathlib import Path

from harness import TestCase, expect


class Breaking(TestCase):
    def backstage(self, who, text):
        """A window with a thread, an answer in it, and the backstage open."""
        window = self.window(who).begin(text)
        window.is_quiet()
        window.page.get_by_role("link", name="Backstage").first.click()
        expect(window.see(".backstage")).to_be_visible()
        return window

    def press(self, window, label):
        window.page.get_by_role("button", name=label).click()

    def notes(self, window, tone, text):
        """Waits for the newest note of a tone."""
        expect(window.see(f".note.{tone}").first).to_contain_text(text)

    def test_killed_in_mid_answer_it_makes_the_answer_whole(self):
        window = self.backstage("kay", "I am Kay").reply("write 120 words")
        expect(window.answers().last).to_contain_text("Here is a long answer")
        self.press(window, "Kill and restart the bot")
        self.notes(window, "broke", "The assistant was killed.")
        self.notes(window, "well", "every message has its whole answer")
        window.picture("killed")
        window.hears("2. ")
        expect(window.answers()).to_have_count(2)
        window.reply("who am I?").hears("You are Kay")

    # The last one: after it the assistant is more careful with streams for a while.
    def test_slack_refusing_a_stream_does_not_cost_the_answer(self):
        window = self.backstage("ray", "I am Ray")
        self.press(window, "429 from Slack")
        self.notes(window, "asked", "Ask something.")
        window.reply("write 60 words")
        self.notes(window, "broke", "429, Retry-After 5 s")
        self.notes(window, "well", "The answer came without the stream")
        window.hears("1. ")

    def test_an_ended_stream_loses_no_word(self):
        window = self.backstage("sue", "I am Sue")
        self.press(window, "End the stream")
        self.notes(window, "asked", "Ask for something long.")
        window.reply("write 90 words")
        self.notes(window, "broke", "Slack ended the stream")
        self.notes(window, "well", "The answer went on in a new message")
        window.is_quiet()
        expect(window.answers()).to_have_count(3)
        expect(window.answers().nth(1)).to_contain_text("Here is a long answer.")
        self.assertRegex(" ".join(window.answers().all_inner_texts()), r"(?s)1\. .*2\. ")

    def test_a_button_that_waits_already_breaks_one_answer_and_not_two(self):
        window = self.backstage("tess", "I am Tess")
        told = window.see(".note.broke", has_text="Slack told twice")
        before = told.count()
        self.press(window, "Duplicate the event")
        self.notes(window, "asked", "Write one.")
        self.press(window, "Duplicate the event")
        self.notes(window, "asked", "waits to happen already")
        window.reply("who am I?")
        self.notes(window, "broke", "Slack told twice")
        self.notes(window, "well", "It was answered once.")
        window.reply("and now?")
        expect(window.answers()).to_have_count(3)
        expect(told).to_have_count(before + 1)

    def test_a_dropped_socket_is_opened_again(self):
        window = self.backstage("pat", "I am Pat")
        self.press(window, "Drop the socket")
        self.notes(window, "broke", "The connection was reset.")
        self.notes(window, "well", "The assistant is connected again.")
        window.reply("who am I?").hears("You are Pat")

    def test_an_event_that_comes_twice_is_answered_once(self):
        window = self.backstage("dot", "I am Dot")
        self.press(window, "Duplicate the event")
        self.notes(window, "asked", "Write one.")
        window.reply("who am I?")
        self.notes(window, "broke", "Slack told twice")
        self.notes(window, "well", "It was answered once.")
        expect(window.answers()).to_have_count(2)

    def test_an_answer_that_was_cut_off_says_so(self):
        window = self.backstage("guy", "I am Guy")
        self.press(window, "Cut the model off")
        self.notes(window, "asked", "Ask something.")
        window.reply("write 120 words")
        self.notes(window, "broke", "The connection to the model broke")
        self.notes(window, "well", "Ask again")
        window.hears("The answer stops here")
        window.reply("who am I?").hears("You are Guy")

    def test_restarted_in_good_order_it_remembers(self):
        window = self.backstage("zoe", "I am Zoe")
        self.press(window, "Restart in good order")
        self.notes(window, "well", "on the same database")
        window.reply("who am I?").hears("You are Zoe")

    def test_every_button_has_a_test(self):
        window = self.backstage("val", "I am Val")
        pressed = set(re.findall(r'self\.press\(window, "(.+)"\)', Path(__file__).read_text()))
        self.assertEqual(set(window.see(".faults button").all_inner_texts()), pressed)
