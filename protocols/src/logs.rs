//! What a log decoder tells, whatever the wire format.

use std::borrow::Cow;

/// A field of a record, of its resource or of its stream. Values that are not text
/// come as JSON (`12`, `true`, `["a"]`); names are dotted where objects were nested.
pub type Field<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Where records come from: an OTLP resource, a Loki stream, a syslog host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stream<'a> {
    /// `service.name`, or what the format has in its place (Loki: the labels
    /// of [`SERVICE_LABELS`](crate::loki::SERVICE_LABELS); syslog: the app name);
    /// `unknown_service` where nothing.
    pub service: Cow<'a, str>,
    /// In the order of the wire; may repeat what `service` says.
    pub fields: Vec<Field<'a>>,
}

/// One log record.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRecord<'a> {
    /// Nanoseconds since 1970: when it happened; where the sender does not say, when
    /// it was observed, else when it was received.
    pub time_ns: i64,
    pub level: Level,
    /// The sender's own word for the level, empty where it gave none.
    pub level_text: Cow<'a, str>,
    /// The message; structured bodies as JSON.
    pub body: Cow<'a, str>,
    pub trace_id: Option<[u8; 16]>,
    pub span_id: Option<[u8; 8]>,
    pub fields: Vec<Field<'a>>,
}

/// Severity in the six ranges of `SeverityNumber` of OpenTelemetry (1-4 trace, 5-8
/// debug, 9-12 info, 13-16 warn, 17-20 error, 21-24 fatal).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    #[default]
    Unknown,
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

impl Level {
    pub const ALL: [Self; 7] = [
        Self::Unknown,
        Self::Trace,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
        Self::Fatal,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// From OpenTelemetry's number; 0 and what is out of range are unknown.
    pub fn of_number(number: i32) -> Self {
        match number {
            1..=4 => Self::Trace,
            5..=8 => Self::Debug,
            9..=12 => Self::Info,
            13..=16 => Self::Warn,
            17..=20 => Self::Error,
            21..=24 => Self::Fatal,
            _ => Self::Unknown,
        }
    }

    /// From the words that loggers use, in any case.
    pub fn of_word(word: &str) -> Self {
        let is = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
        match () {
            () if is(&["trace", "finest", "verbose"]) => Self::Trace,
            () if is(&["debug", "dbg", "fine"]) => Self::Debug,
            () if is(&["info", "information", "informational", "notice"]) => Self::Info,
            () if is(&["warn", "warning"]) => Self::Warn,
            () if is(&["error", "err", "severe"]) => Self::Error,
            () if is(&[
                "fatal",
                "critical",
                "crit",
                "alert",
                "emerg",
                "emergency",
                "panic",
            ]) =>
            {
                Self::Fatal
            }
            () => Self::Unknown,
        }
    }
}

/// Takes what a decoder reads.
pub trait LogSink {
    /// Begins a stream; the records that follow belong to it.
    fn stream(&mut self, stream: &Stream<'_>);
    fn record(&mut self, record: &LogRecord<'_>);
}
