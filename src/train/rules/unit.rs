//! Whom the entries of a table count.

use crate::error::Error;
use crate::rules::Mining;
use crate::sessions::Sessions;

/// Who stands behind an entry of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Every session for itself.
    Session,
    /// A visitor with all their sessions.
    Visitor,
}

impl Unit {
    /// One of them, in a word.
    pub const fn word(self) -> &'static str {
        match self {
            Unit::Session => "session",
            Unit::Visitor => "visitor",
        }
    }
}

impl Mining {
    /// Whom a table counts that is mined from all or some of these sessions: what [`Mining::unit`] asks for, or else the
    /// visitor where every session has one, and the session where one has none.
    ///
    /// Errors: `unknown-visitor` where visitors are asked for and a session has none; with differential privacy also where
    /// nothing is asked for and some sessions have one, as a single session must not decide what the promise is.
    pub fn unit_of(&self, parts: &[&Sessions]) -> Result<Unit, Error> {
        let sessions = parts.iter().map(|part| part.len()).sum();
        let lacking = parts.iter().map(|part| part.without_visitor()).sum();
        match self.unit {
            Some(Unit::Session) => Ok(Unit::Session),
            _ if lacking == 0 => Ok(Unit::Visitor),
            None if self.privacy.is_none() || lacking == sessions => Ok(Unit::Session),
            _ => Err(Error::UnknownVisitor { lacking, sessions }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Privacy;

    fn sessions(visitors: &[u32]) -> Sessions {
        let mut sessions = Sessions::default();
        for visitor in visitors {
            sessions.push(&[1, 2]);
            sessions.set_visitor(*visitor);
        }
        sessions
    }

    #[test]
    fn visitors_are_counted_where_every_session_has_one_and_are_never_made_up() {
        let [all, some, none] = [&[1, 2, 2][..], &[1, 0, 2], &[0, 0, 0]].map(sessions);
        let privacy = Some(Privacy { epsilon: 1.0, delta: 1e-6, pairs: 4 });
        let of = |unit, privacy, parts: &[&Sessions]| {
            Mining { unit, privacy, ..Mining::default() }.unit_of(parts).map_err(|error| error.code())
        };
        for privacy in [None, privacy] {
            assert_eq!(of(None, privacy, &[&all]), Ok(Unit::Visitor));
            assert_eq!(of(None, privacy, &[&none]), Ok(Unit::Session));
            assert_eq!(of(Some(Unit::Visitor), privacy, &[&all, &all]), Ok(Unit::Visitor));
            for parts in [[&none, &none], [&all, &some], [&all, &none]] {
                assert_eq!(of(Some(Unit::Visitor), privacy, &parts), Err("unknown-visitor"));
                assert_eq!(of(Some(Unit::Session), privacy, &parts), Ok(Unit::Session));
            }
        }
        assert_eq!(of(None, None, &[&all, &some]), Ok(Unit::Session));
        assert_eq!(of(None, privacy, &[&all, &none]), Err("unknown-visitor"));
    }

    #[test]
    fn a_refusal_says_how_many_sessions_lack_a_visitor_and_what_to_do() {
        let mining = Mining { unit: Some(Unit::Visitor), ..Mining::default() };
        let error = mining.unit_of(&[&sessions(&[1, 0]), &sessions(&[0, 3, 4])]).unwrap_err();
        assert!(error.to_string().contains("2 of 5 sessions"), "{error}");
        assert_eq!((error.field(), error.value()), (Some("visitor"), Some("2".into())));
        assert!(error.remedy().contains("--unit session") && error.remedy().contains("--map"), "{}", error.remedy());
    }
}
