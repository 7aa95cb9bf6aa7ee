use std::time::Instant;

use korinet_proto::{Rate, RateLimit};
use korinet_wire::v3::Code;

use crate::v3::ServerConfig;
use crate::v3::conversation::Conversation;
use crate::v3::denial::Denial;

/// How often the client comes back, and how often it does so while it is still there.
///
/// Counted is who has proved to be the client: nobody else can use up what it may.
#[derive(Debug, Clone)]
pub(super) struct Comings {
    resumes: (Rate, RateLimit),
    take_overs: (Rate, RateLimit),
}

impl Comings {
    pub(super) fn new(config: &ServerConfig) -> Self {
        Self {
            resumes: (config.resumes, RateLimit::default()),
            take_overs: (config.take_overs, RateLimit::default()),
        }
    }

    /// Counts the client's coming back; or says when it may.
    pub(super) fn count(
        &mut self,
        now: Instant,
        conversation: Option<&Conversation>,
    ) -> Result<(), Denial> {
        let is_take_over = conversation.is_some_and(|it| it.attached().is_some());
        let ((rate, limit), of) = if is_take_over {
            (&mut self.take_overs, "take-overs")
        } else {
            (&mut self.resumes, "resumes")
        };
        limit.take(now, *rate).map_err(|wait| Denial {
            retry_after: Some(wait),
            ..Denial::of(
                Code::OVERLOADED,
                format!("{} {of} a second", rate.per_second),
            )
        })
    }
}
