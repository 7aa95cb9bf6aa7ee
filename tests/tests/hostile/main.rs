//! Peers that mean harm, each beside a healthy session that has to notice nothing: see the library's module `hostile`,
//! whose cases these tests go through at a modest size.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod servers;

use std::path::Path;
use std::sync::Arc;

use korinet_tests::hostile::{Papers, Size, cases, run};

/// Goes through all cases of a group, and tells all that is wrong with any of them.
async fn go_through(group: &str) {
    let program = Path::new(env!("CARGO_BIN_EXE_hostile_server"));
    let papers = Arc::new(Papers::new());
    let mut groups = cases::groups().into_iter();
    let (_, cases) = groups.find(|(name, _)| *name == group).unwrap();
    let mut complaints = Vec::new();
    for case in cases {
        let report = run(&case, program, &papers, Size::Modest).await;
        let all = report.complaints(&case).into_iter();
        complaints.extend(all.map(|complaint| format!("{}: {complaint}", case.name)));
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}

macro_rules! groups {
    ($($group:ident)*) => {
        $(
            #[tokio::test]
            async fn $group() {
                go_through(stringify!($group)).await;
            }
        )*

        #[test]
        fn no_group_is_left_out() {
            let tested = [$(stringify!($group)),*];
            let all: Vec<_> = cases::groups().into_iter().map(|(name, _)| name).collect();
            assert_eq!(all, tested);
        }
    };
}

groups! {
    opening
    hellos
    sessions
    messages
    floods
    silence
    crowds
    resumes
    owners
    limits
    memory
    tls
}
