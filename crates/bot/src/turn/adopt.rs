//! Carrying on with a turn whose owner is gone: what was decided stands, and the thread is brought to show it.

use chathakase_session::{
    store::{Claimed, Closing},
    turn::{Outcome, Part, Turn, TurnKind},
};

use super::{
    driver::{Driver, notice},
    journal::Lost,
    recover::{self, Standing},
    thinking,
};
use crate::texts;

impl Driver<'_> {
    /// Runs a turn that another owner began.
    pub(super) async fn carry_on(&self, claimed: Claimed) -> Result<Vec<Part>, Lost> {
        let turn = &claimed.turn;
        if let Some(closing) = &claimed.closing {
            return self.bring_again(turn, closing).await;
        }
        if turn.deaths >= self.tools.settings.deaths_max {
            let closing = notice(Outcome::Failed, Some(texts::turn_set_aside(turn.deaths)));
            self.close(&closing).await?;
            return self.bring_again(turn, &closing).await;
        }
        if turn.kind == TurnKind::Command {
            // A command posts nothing before it is closed.
            return self.command(claimed).await;
        }
        let standing = self.left_by_the_dead(turn).await?;
        if !turn.stop_requested {
            return self.answer(claimed, standing).await;
        }
        let left = self.end_with(turn, standing).await?;
        self.status_gone(thinking::take_away(&self.tools.api, &turn.key)).await;
        Ok(left)
    }

    /// Brings what a dead owner had closed.
    async fn bring_again(&self, turn: &Turn, closing: &Closing) -> Result<Vec<Part>, Lost> {
        if turn.deaths >= 2 * self.tools.settings.deaths_max {
            tracing::error!(turn.id = %turn.id, thread.key = %turn.key, deaths = turn.deaths, "a turn is given up undelivered: whoever brings it to its thread dies; the thread goes on without it");
            chathakase_metrics::TURNS_GIVEN_UP.count([]);
            return Ok(self.known.parts());
        }
        if turn.kind == TurnKind::Command && closing.text.is_empty() && closing.note.is_none() {
            // It was shown to the asker alone.
            return Ok(Vec::new());
        }
        let standing = self.left_by_the_dead(turn).await?;
        let brought = match closing.outcome {
            // Without words of the model: what stands there is taken away, or made to say what went wrong.
            _ if closing.text.is_empty() => self.bring(turn, closing, standing).await?,
            Outcome::Stopped => self.leave(turn, standing).await?,
            _ if turn.stop_requested => self.leave_short(turn, standing).await?,
            _ => self.bring(turn, closing, standing).await?,
        };
        if turn.kind == TurnKind::Answer {
            self.status_gone(thinking::take_away(&self.tools.api, &turn.key)).await;
        }
        Ok(brought)
    }

    /// What stands of the turn in its thread. A call of its last owner may take effect even now.
    async fn left_by_the_dead(&self, turn: &Turn) -> Result<Standing, Lost> {
        if self.known.has_nameless() {
            self.journal().may_come_late().await?;
        }
        recover::standing(self, turn).await
    }
}
