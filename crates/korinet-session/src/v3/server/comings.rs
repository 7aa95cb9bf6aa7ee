use std::time::Instant;

use korinet_proto::RateLimit;
use korinet_wire::v3::Code;

use crate::v3::ServerConfig;
use crate::v3::conversation::Conversation;
use crate::v3::denial::Denial;

/// How often the client comes back, and how often it does so while it is still there.
///
/// Counted is who has proved to be the client: nobody else can use up what it may.
#[derive(Debug, Clone, Default)]
pub(super) struct Comings {
    resumes: RateLimit,
    take_overs: RateLimit,
}

impl Comings {
    /// Counts the client's coming back; or says when it may.
    pub(super) fn count(
        &mut self,
        now: Instant,
        config: &ServerConfig,
        conversation: Option<&Conversation>,
    ) -> Result<(), Denial> {
        let is_take_over = conversation.is_some_and(|it| it.attached().is_some());
        let (rate, limit, of) = if is_take_over {
            (config.take_overs, &mut self.take_overs, "take-overs")
        } else {
            (config.resumes, &mut self.resumes, "resumes")
        };
        limit.take(now, rate).map_err(|wait| Denial {
            retry_after: Some(wait),
            ..Denial::of(
                Code::OVERLOADED,
                format!("{} {of} a second", rate.per_second),
            )
        })
    }
}
