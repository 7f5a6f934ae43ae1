"""What an app posts as blocks."""

import os

from harness import TestCase, Window, expect


class Blocks(TestCase):
    program = [os.environ["BLOCKS"]]

    def test_blocks_are_drawn_with_buttons_that_say_they_do_nothing(self):
        for scheme in ("light", "dark"):
            window = Window(self, "ana", color_scheme=scheme).go("/general")
            window.see("#channel .summary").click()
            blocks = window.see("#thread .post.ours .text")
            expect(blocks.locator(".heading")).to_have_text("Release 0.4 waits for you")
            expect(blocks.locator(".fields > div")).to_have_count(4)
            expect(blocks.locator(".actions button")).to_have_text(["Ship it", "Not yet", "Throw away", "👍 Good", "👎 Bad"])
            expect(blocks.get_by_role("button", name="Details")).to_be_disabled()
            expect(blocks).to_contain_text("picture: a chart of the last week")
            expect(blocks.locator("img")).to_have_count(0)
            window.picture(f"blocks-{scheme}")
