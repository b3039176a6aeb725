//! Problems of steps together: names, circles, gateways.

use procession_language::Code;

use super::{Case, case};

pub const CASES: &[Case] = &[
    case(
        Code::UnknownStep,
        "\
name: p
steps:
  - {id: review, type: timer, duration: 1s}
  - {id: b, type: timer, duration: 1s, depends_on: [review, «reveiw»]}
",
    )
    .suggests("review"),
    case(
        Code::UnknownStep,
        "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, on_error: {action: goto_step, target_step: «rescue»}}\n",
    ),
    case(
        Code::UnknownStep,
        "\
name: p
steps:
  - id: choose
    type: gateway
    routes:
      - {condition: \"input.x\", target: good}
      - {target: «elsewhere»}
  - {id: good, type: timer, duration: 1s}
  - {id: bad, type: timer, duration: 1s, depends_on: choose, condition: \"steps.choose.output.route\"}
",
    )
    .suggests("bad"),
    case(
        Code::UnknownStep,
        "\
name: p
steps:
  - {id: draft, type: timer, duration: 1s}
  - {id: ask, type: human_approval, depends_on: draft, on_changes_requested: {rerun: «draff»}}
",
    )
    .suggests("draft"),
    case(
        Code::DependencyCycle,
        "\
name: p
steps:
  - {id: a, type: timer, duration: 1s, depends_on: «c»}
  - {id: b, type: timer, duration: 1s, depends_on: a}
  - {id: c, type: timer, duration: 1s, depends_on: b}
  - {id: d, type: timer, duration: 1s, depends_on: c}
",
    ),
    case(Code::DependencyCycle, "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, depends_on: «a»}\n"),
    case(
        Code::LeadsBack,
        "\
name: p
steps:
  - {id: draft, type: timer, duration: 1s}
  - id: check
    type: gateway
    depends_on: draft
    routes: [{condition: input.bad, target: «draft»}, {target: done}]
  - {id: done, type: timer, duration: 1s}
",
    ),
    case(
        Code::LeadsBack,
        "\
name: p
steps:
  - {id: first, type: timer, duration: 1s}
  - {id: second, type: timer, duration: 1s, depends_on: first, on_error: {action: goto_step, target_step: «first»}}
",
    ),
    case(
        Code::RunsWhateverRoute,
        "\
name: p
steps:
  - {id: choose, type: gateway, routes: [{condition: input.x, target: a}], default_route: b}
  - {id: a, type: timer, duration: 1s}
  - {id: b, type: timer, duration: 1s}
  - {id: c, type: timer, duration: 1s, depends_on: [«choose»]}
",
    ),
    case(
        Code::AlwaysTrueRoute,
        "\
name: p
steps:
  - id: choose
    type: gateway
    routes:
      - «{target: a}»
      - {condition: input.x, target: b}
  - {id: a, type: timer, duration: 1s}
  - {id: b, type: timer, duration: 1s, depends_on: a}
",
    ),
    case(
        Code::UnreachedStep,
        "\
name: p
steps:
  - {id: choose, type: gateway, routes: [{condition: \"false\", target: a}, {target: b}]}
  - {id: «a», type: timer, duration: 1s}
  - {id: b, type: timer, duration: 1s}
",
    ),
    case(
        Code::UnreachedStep,
        "\
name: p
steps:
  - {id: off, type: timer, duration: 1s, condition: false}
  - {id: «after», type: timer, duration: 1s, depends_on: off}
  - {id: other, type: timer, duration: 1s, depends_on: off, run_if_skipped: true}
",
    ),
    case(
        Code::OverriddenKey,
        "\
name: p
steps:
  - id: choose
    type: gateway
    default_route: a
    routes:
      - {condition: input.x, target: b}
      - «{default: true, next: b}»
  - {id: a, type: timer, duration: 1s}
  - {id: b, type: timer, duration: 1s}
",
    ),
    case(
        Code::RerunNotUpstream,
        "\
name: p
steps:
  - {id: beside, type: timer, duration: 1s}
  - {id: ask, type: human_approval, on_changes_requested: {rerun: «beside»}}
",
    ),
    case(
        Code::OnRejectChosen,
        "\
name: p
steps:
  - {id: «ask», type: human_approval}
  - {id: yes, type: timer, duration: 1s, depends_on: ask, condition: \"steps.ask.decision == 'approved'\"}
",
    )
    .suggests("on_reject: continue"),
    case(
        Code::OnRejectChosen,
        "\
name: p
steps:
  - {id: «ask», type: human_approval}
  - {id: yes, type: timer, duration: 1s, depends_on: ask, condition: \"steps.ask.output.decision == 'approved'\"}
  - {id: also, type: timer, duration: 1s, depends_on: ask}
",
    )
    .suggests("on_reject: fail"),
];
