//! The steps of the contract, each written once over [`Rows`](crate::rows::Rows): what is decided is the same in every store.

pub(crate) mod aside;
pub(crate) mod clear;
pub(crate) mod edit;
pub(crate) mod expire;
pub(crate) mod learn;
pub(crate) mod lease;
pub(crate) mod look;
pub(crate) mod process;
pub(crate) mod receive;
pub(crate) mod session;
pub(crate) mod speak;

use chathakase_session::store::NewPost;

use crate::{codec::Packed, rows::PostName};

/// A post with its text and name packed before it queues for the writer.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    /// The post; its text and name are taken out.
    pub(crate) post: NewPost,
    pub(crate) body: Packed,
    pub(crate) name: Option<Packed>,
}

impl Incoming {
    pub(crate) fn new(mut post: NewPost) -> Self {
        let body = Packed::new(std::mem::take(&mut post.text));
        let name = post.name.take().map(Packed::new);
        Self { post, body, name }
    }
    pub(crate) fn name_of_post(&self) -> PostName {
        PostName::of(&self.post.key, self.post.ts)
    }
    /// What it adds to a batch (bytes).
    pub(crate) fn bytes(&self) -> usize {
        self.body.bytes.len()
    }
}
