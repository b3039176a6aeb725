//! The list of all promises, as a macro that makes a test of each.

/// Makes a test of every promise of the contract: `store_contract!(stores)`, where `stores` is an async function without
/// arguments that gives new, empty [`Stores`](crate::contract::Stores).
#[macro_export]
macro_rules! store_contract {
    ($stores:path) => {
        $crate::store_contract! { @tests $stores;
            audit:
                entries_are_numbered_and_chained,
                entries_appended_at_once_are_one_chain,
                the_audit_trail_is_filtered_and_paged;
            definitions:
                a_definition_comes_back_byte_for_byte,
                a_name_and_version_are_taken_once,
                of_creations_at_once_one_gets_the_name,
                an_update_cannot_take_anothers_name,
                an_update_on_an_older_revision_is_stale,
                of_updates_at_once_one_is_written,
                the_event_is_written_with_the_change_or_not_at_all,
                a_name_leads_to_its_newest_published_version,
                versions_of_every_status_exist,
                of_the_versions_of_a_name_one_is_active,
                the_published_model_is_kept_beside_the_text,
                a_version_with_live_executions_is_not_deleted,
                a_deleted_version_with_ended_executions_is_hidden,
                a_deleted_version_that_never_ran_is_gone,
                a_published_version_is_not_deleted;
            deliveries:
                deliveries_are_written_with_their_commit,
                a_refused_commit_delivers_nothing,
                starts_and_children_bring_their_deliveries,
                what_is_due_comes_in_order,
                a_delivery_is_due_until_its_end_is_noted,
                a_delivery_is_sent_again_under_its_id,
                a_delivery_is_withdrawn_unless_it_was_tried,
                old_deliveries_are_purged_once_nothing_more_is_tried,
                deliveries_are_filtered_and_paged,
                an_agents_events_are_read_in_parts;
            starts:
                a_start_is_read_back,
                a_start_without_its_process_is_refused,
                the_same_key_leads_to_the_first_execution,
                the_same_key_with_another_request_is_refused,
                a_key_tells_what_it_has_started,
                an_expired_key_can_be_used_anew,
                a_sweep_deletes_expired_keys,
                of_starts_with_one_key_at_once_one_creates,
                a_start_repeated_under_its_own_id_is_done_once,
                the_queue_of_pending_executions_is_limited,
                the_queue_is_limited_for_starts_at_once,
                an_admitted_start_belongs_to_its_node,
                of_starts_at_once_as_many_are_admitted_as_there_is_room_for,
                a_start_is_admitted_within_the_limit_of_its_process_and_past_nobody,
                an_ended_lease_admits_nothing,
                what_a_retry_takes_over_is_read_back,
                a_start_with_a_budget_opens_a_ledger;
            commits:
                a_commit_is_read_back_as_it_was_written,
                an_execution_is_read_as_its_newest_snapshot_and_what_came_after_it,
                a_value_says_where_it_is,
                a_commit_on_another_state_is_a_conflict,
                a_commit_of_an_unknown_execution_is_a_conflict,
                a_commit_under_another_lease_is_a_conflict,
                a_commit_after_the_release_is_a_conflict,
                a_commit_after_a_take_over_is_a_conflict,
                a_repeated_commit_is_a_conflict_and_doubles_nothing,
                a_commit_with_a_gap_in_its_events_is_refused,
                bad_commits_among_many_harm_no_others,
                commits_sent_in_a_row_are_written_in_order,
                a_released_execution_needs_attention_when_it_said,
                an_ended_execution_still_records_a_late_cost;
            signals:
                signals_get_rising_numbers_that_are_never_used_again,
                a_signal_between_load_and_ending_commit_is_a_conflict,
                a_signal_between_load_and_another_commit_calls_attention,
                a_signal_before_a_release_makes_the_execution_due,
                seen_signals_go_with_their_commit_and_only_then,
                a_signal_calls_attention_wherever_the_execution_is,
                a_command_that_does_not_fit_is_refused,
                the_same_command_does_not_wait_twice,
                of_the_same_commands_at_once_one_waits,
                a_signal_and_an_ending_commit_at_once_never_both_succeed,
                a_paused_execution_hears_signals;
            trees:
                children_are_created_with_their_parents_transition,
                a_refused_commit_touches_nobody_else,
                a_child_of_a_deleted_process_is_a_conflict,
                children_are_not_held_back,
                children_are_in_the_scope_of_their_parent,
                a_childs_end_is_a_signal_to_its_parent,
                signals_of_a_commit_reach_who_has_not_ended,
                signals_of_many_commits_at_once_all_arrive,
                of_two_ends_that_signal_each_other_one_is_written,
                a_tree_spends_from_one_ledger,
                what_is_spent_at_once_adds_up,
                a_call_is_refused_that_the_budget_allows_no_more,
                the_root_is_told_when_what_was_set_aside_is_given_back,
                waiting_for_what_is_no_longer_set_aside_is_refused,
                money_of_another_currency_is_not_added,
                a_child_that_nobody_waits_for_has_its_own_ledger,
                without_a_budget_there_is_no_ledger;
            triggers:
                triggers_follow_the_active_version,
                a_schedule_goes_on_in_the_next_version,
                schedules_are_found_when_it_is_time,
                a_schedule_is_changed_on_the_revision_that_was_read,
                a_due_time_starts_once,
                a_start_of_a_schedule_that_is_gone_is_refused,
                a_schedule_knows_its_executions_under_way,
                a_message_is_taken_once_whatever_other_key_it_has,
                a_webhook_is_found_by_its_address,
                a_webhook_stays_switched_in_the_next_version,
                the_newest_calls_of_a_webhook_are_kept;
            claims:
                due_executions_are_claimed_in_order_and_once,
                claims_at_once_never_overlap,
                pending_executions_are_admitted_by_priority_and_age,
                those_admitted_together_come_in_order,
                only_so_many_roots_are_in_work,
                those_that_wake_up_are_not_held_back,
                a_processs_own_limit_holds_back_only_its_own,
                a_long_queue_of_held_back_executions_hides_nobody,
                a_scope_leaves_what_is_outside_of_it,
                one_execution_is_claimed_unless_another_node_has_it,
                claiming_what_one_has_forgets_no_signal,
                a_node_knows_what_it_owns;
            leases:
                epochs_rise,
                a_lease_is_prolonged_until_its_end_is_noticed,
                a_node_without_a_lease_claims_nothing,
                what_a_dead_node_had_is_taken_over,
                what_a_leaving_node_had_is_taken_over,
                a_node_that_joins_again_takes_over_its_own,
                what_a_dead_node_had_not_begun_is_admitted_anew;
            feed:
                with_many_writers_the_feed_keeps_the_order_of_commits,
                between_reading_and_subscribing_nothing_is_missed,
                what_is_told_is_stored,
                a_refused_commit_is_not_told,
                starts_and_children_are_told,
                events_are_read_in_parts,
                an_empty_store_has_no_newest_event;
            approvals:
                an_opened_request_is_read_back,
                a_vote_writes_the_approval_and_its_signal,
                of_votes_at_once_one_is_stale,
                a_change_on_an_older_revision_is_stale,
                a_settled_request_takes_no_vote,
                a_deadline_after_a_vote_is_a_conflict,
                of_a_vote_and_a_deadline_at_once_one_wins,
                a_cancel_is_nothing_to_a_settled_request,
                a_request_opened_and_cancelled_at_once_is_cancelled,
                the_newest_request_of_a_step_is_found,
                requests_are_listed_by_who_is_asked,
                a_request_that_names_nobody_asks_who_may_decide,
                pages_of_requests_are_stable_while_some_are_added;
            access:
                a_user_is_read_back,
                names_and_addresses_are_unique_in_lower_case,
                of_users_created_at_once_one_gets_the_name,
                users_can_be_changed,
                the_only_administrator_stays_one,
                of_administrators_who_go_at_once_one_stays,
                what_ends_sessions_begins_a_new_generation,
                an_ended_session_stays_ended,
                a_removed_user_takes_its_keys_along,
                keys_are_found_by_hash_and_listed_newest_first,
                a_key_belongs_to_a_user,
                the_use_of_a_key_is_noted_to_the_hour,
                the_set_up_is_done_once,
                the_set_up_takes_over_a_user_of_that_name,
                a_setting_is_read_back;
            pages:
                a_template_is_read_back_and_names_are_unique,
                a_template_is_replaced_and_removed,
                a_threshold_is_set_once_for_its_process_and_kind,
                a_mark_of_a_notice_is_its_users_own;
            analytics:
                figures_are_those_of_a_slow_count,
                figures_are_of_who_and_what_was_asked_for,
                an_ended_step_is_counted_with_the_commit_that_ended_it;
            lists:
                definitions_are_listed_last_changed_first,
                filters_of_definitions_add_up,
                pages_of_definitions_are_stable_while_some_are_added,
                an_execution_is_listed_with_what_lists_show,
                filters_of_executions_add_up,
                executions_are_listed_in_both_orders,
                pages_of_executions_are_stable_while_some_are_added,
                what_is_no_cursor_is_refused,
                executions_are_counted_by_status,
                costs_of_completed_runs_of_a_step_come_newest_first,
                an_execution_is_put_aside_and_brought_back;
            blobs:
                a_blob_is_read_back_as_it_was_written,
                a_missing_blob_is_said_to_be_missing,
                a_blob_is_never_overwritten,
                of_writes_at_once_one_is_kept_whole,
                blobs_are_listed_by_the_beginning_of_their_keys,
                a_deleted_blob_is_gone_alone,
                what_is_no_key_is_refused;
        }
    };
    (@tests $stores:path; $($about:ident: $($promise:ident),+;)+) => {
        $(
            mod $about {
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $promise() {
                        $crate::contract::$about::$promise(&$stores().await).await;
                    }
                )+
            }
        )+
    };
}

#[cfg(test)]
mod tests {
    const LIST: &str = include_str!("list.rs");

    const PROMISES: [&str; 16] = [
        include_str!("access.rs"),
        include_str!("analytics.rs"),
        include_str!("approvals.rs"),
        include_str!("blobs.rs"),
        include_str!("claims.rs"),
        include_str!("commits.rs"),
        include_str!("definitions.rs"),
        include_str!("deliveries.rs"),
        include_str!("feed.rs"),
        include_str!("leases.rs"),
        include_str!("lists.rs"),
        include_str!("pages.rs"),
        include_str!("signals.rs"),
        include_str!("starts.rs"),
        include_str!("trees.rs"),
        include_str!("triggers.rs"),
    ];

    #[test]
    fn every_promise_is_in_the_list() {
        let mut count = 0;
        for source in PROMISES {
            for declared in source.split("\npub async fn ").skip(1) {
                let name = declared.split('(').next().unwrap();
                assert!(LIST.contains(&format!(" {name},\n")) || LIST.contains(&format!(" {name};\n")), "{name}");
                count += 1;
            }
        }
        assert!(count >= 138, "{count}");
    }
}
