//! Sessions: whom a token stands for, and how sessions end.
//!
//! A token carries the user's id and the generation of their sessions. Another password, another role and "end all my
//! sessions" begin a new generation, a removed user takes the id along; either way the token is good for nothing, also
//! when someone else gets the name. A single session ends by its token's hash being kept until the token ends itself.

use procession_domain::value::{Timestamp, UserId};

use super::{Access, AccessFailure, Principal, UseCase, Via};
use crate::{
    audit,
    ports::{StoreError, User},
};

/// What a token of ours carries besides the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionMark {
    /// The user's id.
    pub user: UserId,
    /// The generation of their sessions.
    pub generation: u32,
}

/// What is known of a token whose signature is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionToken {
    /// The hash of the whole token, by which it is ended.
    pub hash: [u8; 32],
    /// The user's name.
    pub user: String,
    /// What tokens of ours carry; a platform's carry none.
    pub mark: Option<SessionMark>,
    /// Until when it is good; some tokens are without end.
    pub expires_at: Option<Timestamp>,
}

impl SessionMark {
    /// The mark of a user's sessions as they are now.
    pub const fn of(user: &User) -> Self {
        Self { user: user.id, generation: user.session_generation }
    }
}

impl Access {
    /// The user for whom a token stands, with what they may do; none if the session has ended.
    pub async fn principal_of_session(&self, token: &SessionToken) -> Result<Option<Principal>, StoreError> {
        let user = self.store.user(&token.user).await?;
        let is_theirs = |user: &User| token.mark.is_none_or(|mark| mark == SessionMark::of(user));
        let Some(user) = user.filter(is_theirs) else { return Ok(None) };
        if self.store.is_session_ended(&token.hash).await? {
            return Ok(None);
        }
        Ok(Some(self.principal_of(&user, Via::Session)))
    }

    /// Ends one's own session.
    pub async fn end_session(&self, by: &Principal, token: SessionToken) -> Result<(), AccessFailure> {
        let this = self.clone();
        let end = async move {
            audit::about(&token.user);
            this.store.end_session(&token.hash, token.expires_at, this.clock.now()).await?;
            this.rights_have_changed();
            Ok(())
        };
        self.door.change(by, UseCase::EndSession, end).await
    }

    /// Ends all of one's own sessions that began with a password here.
    pub async fn end_sessions(&self, by: &Principal) -> Result<(), AccessFailure> {
        let (this, name) = (self.clone(), by.name().to_owned());
        let end = async move {
            audit::about(&name);
            this.store.end_sessions(&name).await?;
            this.rights_have_changed();
            Ok(())
        };
        self.door.change(by, UseCase::EndSession, end).await
    }
}
