//! Which network is trained, and what it reads of a step beside its item.

use clap::{Args, ValueEnum};
use nearside_log::Action;
use nearside_train::{Architecture, Detail, Shape, StepInputs};

/// The options of a network.
#[derive(Clone, Debug, Args)]
pub(crate) struct NetworkChoice {
    /// The network that is trained
    #[arg(long, value_enum, default_value_t = NetworkName::Hybrid)]
    network: NetworkName,
    /// What it reads of a step beside its item, where the log tells it; nothing where not given, because on the public
    /// logs it made no difference
    #[arg(long, value_name = "INPUT", value_delimiter = ',', value_enum)]
    step_inputs: Vec<StepInputName>,
}

impl NetworkChoice {
    /// The network at some width. What all steps have in common is not read.
    pub(crate) fn shape(&self, log: &Differences) -> Shape {
        let architecture = match self.network {
            NetworkName::Hybrid => Architecture::Hybrid,
            NetworkName::Gru => Architecture::Gru,
            NetworkName::Lstm => Architecture::Lstm,
            NetworkName::Attention => Architecture::Attention,
        };
        let wanted = |name| self.step_inputs.contains(&name);
        let steps = StepInputs {
            kind: log.kinds && wanted(StepInputName::Kind),
            pause: log.pauses && wanted(StepInputName::Pause),
        };
        Shape { steps, ..architecture.shape(Shape::WIDEST) }
    }
}

/// What the steps of a log differ in, each session's first left aside.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    any: Option<Detail>,
    kinds: bool,
    pauses: bool,
}

impl Differences {
    /// Looks at a session.
    pub(crate) fn note(&mut self, session: &[Action]) {
        for (_, detail) in detailed(session).skip(1) {
            let any = *self.any.get_or_insert(detail);
            self.kinds |= detail.kind != any.kind;
            self.pauses |= detail.pause_s != any.pause_s;
        }
    }
}

/// The log's number of each step's item, with what the step was.
pub(crate) fn detailed(session: &[Action]) -> impl Iterator<Item = (u32, Detail)> + '_ {
    session.iter().enumerate().map(|(index, action)| {
        let before = index.checked_sub(1).map_or(action.at, |before| session[before].at);
        // To the nearest second, as the file does.
        let pause_s = (action.at.since(before) + 500) / 1000;
        let kind = action.kind.id() as u8;
        (action.item, Detail { kind, pause_s: u16::try_from(pause_s).unwrap_or(u16::MAX) })
    })
}

/// A network by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum NetworkName {
    /// A GRU whose states weigh the session's items and their repetition: what measured best.
    Hybrid,
    /// A GRU, whose last state is projected to the items (GRU4Rec).
    Gru,
    /// The same with an LSTM of 128 units; the file gives a probability.
    Lstm,
    /// Two blocks of causal self-attention with learned positions (SASRec).
    Attention,
}

/// An input by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StepInputName {
    /// What the shopper did (session.kind).
    Kind,
    /// The seconds since the step before (from session.age_s).
    Pause,
}
