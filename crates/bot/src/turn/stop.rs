//! What becomes of a turn that a person stopped: what its thread shows by then stands and is remembered, and not a word more comes.

use chathakase_session::{
    message::Ending,
    store::Closing,
    turn::{Outcome, Part, Turn},
};
use chathakase_slack::reply::{Reply, ReplyError};

use super::{
    deliver::parts,
    driver::{Driver, notice},
    journal::Lost,
    recover::{self, Standing},
};

impl Driver<'_> {
    /// A person stopped the answer: it closes with what the thread shows of it by then.
    pub(super) async fn stopped(
        &self,
        turn: &Turn,
        reply: Option<Reply>,
        ended: Option<ReplyError>,
    ) -> Result<Vec<Part>, Lost> {
        let ended = match reply {
            Some(mut reply) => reply.stop().await.err(),
            None => ended,
        };
        match ended {
            Some(ReplyError::Silenced) => Err(Lost(turn.id)),
            Some(ReplyError::Stopped { shown, said: Some(said) }) => {
                self.close(&ended_by_person(said)).await?;
                Ok(parts(&shown))
            }
            error => {
                if let Some(error) = error {
                    self.note_broken(&error).await?;
                }
                let standing = recover::standing(self, turn).await?;
                self.end_with(turn, standing).await
            }
        }
    }

    /// A person stopped a closed answer, and what the thread shows of it is not known.
    pub(super) async fn stopped_over(&self, turn: &Turn, error: &ReplyError) -> Result<Vec<Part>, Lost> {
        self.note_broken(error).await?;
        let standing = recover::standing(self, turn).await?;
        self.leave_short(turn, standing).await
    }

    /// Closes a turn that a person stopped with what stands in the thread.
    pub(super) async fn end_with(&self, turn: &Turn, standing: Standing) -> Result<Vec<Part>, Lost> {
        self.close(&ended_by_person(standing.text().to_owned())).await?;
        self.leave(turn, standing).await
    }

    /// Leaves a closed answer as far as the thread shows it, because a person stopped it: that much is remembered.
    pub(super) async fn leave_short(&self, turn: &Turn, standing: Standing) -> Result<Vec<Part>, Lost> {
        self.cut_short(standing.text(), Ending::Stopped).await?;
        self.leave(turn, standing).await
    }

    /// Leaves the posts of a turn as they stand that a person or Slack lets go no further: what Slack tells of their text is not
    /// what was written.
    pub(super) async fn leave(&self, turn: &Turn, standing: Standing) -> Result<Vec<Part>, Lost> {
        let left = self.tools.replies.leave(self.target(turn), self.journal(), standing.posts).await;
        left.map(|left| parts(&left)).map_err(|_| Lost(turn.id))
    }
}

/// What a turn closes with that a person stopped.
fn ended_by_person(said: String) -> Closing {
    Closing { text: said, ending: Ending::Stopped, ..notice(Outcome::Stopped, None) }
}
