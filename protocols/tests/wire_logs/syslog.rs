use protocols::logs::Level;
use protocols::syslog::{Frame, frame};

use crate::collected::{NOW, all_lines, lines, pairs};

#[test]
fn reads_rfc_5424_by_octet_counting() {
    let one = "<165>1 2026-09-21T14:13:20.003Z web-1 app 42 ID47 \
               [ex@1 a=\"x\" b=\"q\\\"\\]\\\\\"][o@1 c=\"\"] \u{feff}it's\nbroken";
    let two = "<34>1 - - - - - -";
    let body = format!("{} {one}{} {two}", one.len(), two.len());
    let lines = all_lines("syslog.rfc5424", body.as_bytes());
    assert_eq!(lines.len(), 2);
    let line = &lines[0];
    assert_eq!((&*line.service, line.level), ("app", Level::Info));
    assert_eq!(line.level_text, "notice");
    assert_eq!(line.stream, pairs(&[("host", "web-1")]));
    assert_eq!(line.time_ns, NOW + 3_000_000);
    assert_eq!(line.body, "it's\nbroken");
    let expected = [
        ("procid", "42"),
        ("msgid", "ID47"),
        ("ex@1.a", "x"),
        ("ex@1.b", "q\"]\\"),
        ("o@1.c", ""),
        ("facility", "local4"),
    ];
    assert_eq!(line.fields, pairs(&expected));
    let empty = &lines[1];
    assert_eq!(
        (&*empty.service, empty.level),
        ("unknown_service", Level::Fatal)
    );
    assert_eq!((&*empty.body, empty.time_ns), ("", NOW));
}

#[test]
fn reads_lines_and_older_formats() {
    let body = b"<11>1 2026-09-21T14:13:20Z h a - - - level from priority\r\n\
        <13>Sep 21 14:13:19 web-2 sshd[77]: Accepted key\n\
        <14>2026-09-21T16:13:20+02:00 web-3 cron: tick\n\
        \n\
        <30>Dec  1 00:00:00 myapp: no host\n\
        just text";
    let lines = all_lines("syslog.rfc5424", body);
    let texts: Vec<_> = lines.iter().map(|line| &*line.body).collect();
    assert_eq!(
        texts,
        [
            "level from priority",
            "Accepted key",
            "tick",
            "no host",
            "just text"
        ]
    );
    let services: Vec<_> = lines.iter().map(|line| &*line.service).collect();
    assert_eq!(services, ["a", "sshd", "cron", "myapp", "unknown_service"]);
    assert_eq!(lines[0].level, Level::Error);
    assert_eq!(lines[1].time_ns, NOW - 1_000_000_000);
    assert_eq!(lines[1].field("procid"), Some("77"));
    assert_eq!(lines[2].time_ns, NOW);
    // December before a September that is now was last year's.
    assert_eq!(lines[3].time_ns, 1_764_547_200_000_000_000);
    assert_eq!(lines[4].level, Level::Unknown);
}

#[test]
fn frames_are_cut_as_they_arrive() {
    let frame_of = |bytes| frame(bytes).unwrap();
    assert_eq!(frame_of(b"10 <1>1 - - "), None);
    assert_eq!(
        frame_of(b"5 <1>ab<2>"),
        Some(Frame {
            message: b"<1>ab",
            consumed: 7
        })
    );
    assert_eq!(frame_of(b"<1>ab"), None);
    assert_eq!(
        frame_of(b"<1>ab\n5 "),
        Some(Frame {
            message: b"<1>ab",
            consumed: 6
        })
    );
    assert!(frame(b"99999999 <1>").is_err());
    let cut = lines("syslog.rfc5424", b"90 <1>1 - - - - - - x").unwrap_err();
    assert_eq!(cut.field, "frame");
}
