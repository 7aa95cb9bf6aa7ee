use korinet_tests::pitfalls::ALL;

macro_rules! pitfalls {
    ($($name:ident)+) => {
        $(
            #[test]
            fn $name() {
                run(stringify!($name));
            }
        )+

        #[test]
        fn each_is_a_test() {
            let tests = [$(stringify!($name)),+];
            let names: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, tests);
        }
    };
}

fn run(name: &str) {
    let found = ALL.iter().find(|(found, _)| *found == name);
    let (_, pitfall) = found.expect("it is one of them");
    if let Err(what) = pitfall() {
        panic!("{what}");
    }
}

pitfalls! {
    a_cut_between_receiving_and_handling
    a_long_pause_of_one_side
    a_message_at_every_step_of_coming_back
    a_thousand_resumes_without_a_pause
    idle_for_hours_then_cut
    numbered_and_volatile_mixed
    one_stalled_peer_among_a_hundred
    resume_twice_in_a_row
    two_full_windows
    a_client_that_lost_count
    a_client_that_was_set_back
    a_connection_that_outlives_the_expiry
    a_hello_that_is_played_back
    a_stolen_id
    an_impostor
    an_open_whose_answer_was_lost
    another_principal
    two_copies_of_one_client
    a_duplicate_after_a_resume
    a_flood_of_frames_that_carry_nothing
    a_hello_that_arrives_late
    a_late_end_of_the_old_connection
    an_acknowledgement_of_what_was_not_sent
    half_a_frame_is_never_continued
    late_bytes_of_the_old_connection
    a_restarted_server_that_takes_less
    a_resume_at_the_moment_of_the_expiry
    a_server_that_drains
    a_server_that_was_restarted
    a_tombstone_says_what_was_taken
    a_wait_that_was_asked_for
    the_last_words_of_a_server_are_missed
}
