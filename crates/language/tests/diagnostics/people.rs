//! What only the server knows: agents, people, other processes; and who decides.

use procession_language::Code;

use super::{Case, case};

pub const CASES: &[Case] = &[
    case(Code::UnknownAgent, "name: p\nsteps:\n  - {id: a, type: agent_task, agent: «writr», message: x}\n")
        .suggests("writer"),
    case(Code::StoppedAgent, "name: p\nsteps:\n  - {id: a, type: agent_task, agent: «sleeper», message: x}\n"),
    case(
        Code::UnknownAgent,
        "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, roles: {monitors: [«nobody»]}}\n",
    ),
    case(
        Code::SameAgent,
        "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, roles: {monitors: [editor], informed: [{agent: «editor»}]}}\n",
    ),
    case(
        Code::SameAgent,
        "name: p\nsteps:\n  - {id: a, type: agent_task, agent: «writer», message: x, roles: {informed: [writer]}}\n",
    ),
    case(
        Code::ExecutorDiffers,
        "name: p\nsteps:\n  - {id: a, type: agent_task, agent: «editor», message: x, roles: {executor: writer}}\n",
    ),
    case(
        Code::KeyWithoutEffect,
        "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, roles: {executor: «writer»}}\n",
    ),
    case(
        Code::UnknownEvent,
        "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, roles: {informed: [{agent: editor, events: [step_completed, «step_done»]}]}}\n",
    ),
    case(
        Code::UnknownAssignee,
        "name: p\nsteps:\n  - {id: a, type: human_approval, assignees: [alice, legal, alice@example.com, «alicia»]}\n",
    )
    .suggests("alice"),
    case(Code::UnknownAssignee, "name: p\nsteps:\n  - {id: a, type: human_approval, assignees: {role: «legl»}}\n")
        .suggests("legal"),
    case(
        Code::TooManyApprovals,
        "name: p\nsteps:\n  - {id: a, type: human_approval, assignees: [alice, bob, alice], required: «3»}\n",
    ),
    case(Code::MissingKey, "name: p\nsteps:\n  - «id: a»\n    type: human_approval\n    timeout_action: escalate\n"),
    case(Code::KeyWithoutEffect, "name: p\nsteps:\n  - {id: a, type: human_approval, «escalate_to»: [bob]}\n"),
    case(Code::UnknownProcess, "name: parent\nsteps:\n  - {id: a, type: sub_process, process_name: «nowhere»}\n"),
    case(
        Code::UnknownProcess,
        "name: parent\nsteps:\n  - {id: a, type: sub_process, process_name: «billing», version: 7}\n",
    ),
    case(
        Code::UnpublishedProcess,
        "name: parent\nsteps:\n  - {id: a, type: sub_process, process_name: «unfinished»}\n",
    ),
    case(
        Code::MovesWebhook,
        "name: p\ntriggers:\n  - {type: webhook, id: «invoices»}\nsteps:\n  - {id: a, type: agent_task, agent: writer, message: x}\n",
    ),
    case(Code::RecursiveProcess, "name: parent\nsteps:\n  - {id: a, type: sub_process, process_name: «parent»}\n"),
    case(
        Code::RecursiveProcess,
        "name: parent\nsteps:\n  - {id: a, type: sub_process, process_name: «far-round-trip»}\n",
    ),
    case(
        Code::ProcessesNestedTooDeep,
        "name: parent\nsteps:\n  - {id: a, type: sub_process, process_name: «level-1»}\n",
    ),
    case(
        Code::ProcessesNestedTooDeep,
        "name: parent\nsteps:\n  - {id: a, type: sub_process, process_name: «endless»}\n",
    ),
];
