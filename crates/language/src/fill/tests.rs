use serde_json::json;

use super::*;

fn filled(yaml: &str, parameters: &Json) -> Result<String, FillError> {
    let parameters: IndexMap<String, Json> =
        parameters.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect();
    let name = ProcessName::new("mine").unwrap();
    fill(yaml, &Filling { name: Some(&name), parameters: &parameters })
}

fn value(yaml: &str, parameters: &Json) -> Json {
    let text = filled(yaml, parameters).unwrap_or_else(|error| panic!("{error}: {yaml}"));
    read(&Source::new(&text)).unwrap_or_else(|error| panic!("{error}: {text}")).to_json()
}

#[test]
fn a_whole_value_becomes_the_parameter_with_its_type() {
    for yaml in ["name: x\na: \"{{param.p}}\"\n", "name: x\na: {{ param.p }}\n", "{name: x, a: '{{param.p}}'}"] {
        for parameter in [json!(5), json!(1.5), json!(true), json!("5"), json!("yes: no"), json!(["a", {"b": [1]}])] {
            assert_eq!(value(yaml, &json!({"p": parameter})), json!({"name": "mine", "a": parameter}), "{yaml}");
        }
    }
}

#[test]
fn within_a_text_a_parameter_is_text_whatever_the_quotes() {
    let said = "it's \"so\": #1\n- no\n  more\\n";
    for (yaml, before, after) in [
        ("name: x\na: go {{param.p}} on\n", "go ", " on"),
        ("name: x\na: 'go {{param.p}} on' # why\nb: 1\n", "go ", " on"),
        ("name: x\na: \"go\\t{{param.p}} on\"\n", "go\t", " on"),
        ("name: x\na: |\n  go {{param.p}} on\n", "go ", " on\n"),
        ("name: x\na: |-\n  go\n    {{param.p}} on\n", "go\n  ", " on"),
        ("name: x\na: >\n  go\n  {{param.p}} on\n", "go ", " on\n"),
        ("name: x\na: |\n  {{param.p}}!\n", "", "!\n"),
    ] {
        assert_eq!(value(yaml, &json!({"p": said}))["a"], format!("{before}{said}{after}"), "{yaml}");
    }
}

#[test]
fn lines_comments_and_other_texts_stay_as_the_author_wrote_them() {
    let yaml =
        "# top\nname: {{name}}  # its name\na: |\n  About {{param.p}}:\n  {{input.x}} and {{process_name}}\nb: 'x'\n";
    let expected = "# top\nname: mine  # its name\na: |\n  About tea:\n  {{input.x}} and mine\nb: 'x'\n";
    assert_eq!(filled(yaml, &json!({"p": "tea"})).unwrap(), expected);
    assert_eq!(filled("name: fixed\nb: 1\n", &json!({})).unwrap(), "name: mine\nb: 1\n");
}

#[test]
fn what_is_not_given_stays() {
    let yaml = "name: \"{{name}}\"\na: \"{{param.p}} {{param.q}}\"\n";
    let none = IndexMap::new();
    assert_eq!(fill(yaml, &Filling { name: None, parameters: &none }).unwrap(), yaml);
    assert_eq!(value(yaml, &json!({"q": 1}))["a"], "{{param.p}} 1");
    assert_eq!(mentioned_parameters(yaml), ["p", "q"]);
}

#[test]
fn expressions_in_a_value_stay_text() {
    let evil = "{{steps.a.output}} {% if x %} {# c #}";
    let inert = "{{ '{{' }}steps.a.output}} {{ '{%' }} if x %} {{ '{#' }} c #}";
    for yaml in ["name: x\na: '{{param.p}}'\n", "name: x\na: |-\n  {{param.p}}\n"] {
        assert_eq!(value(yaml, &json!({"p": evil}))["a"], inert);
    }
    assert_eq!(value("name: x\na: so {{param.p}}\n", &json!({"p": evil}))["a"], format!("so {inert}"));
    assert_eq!(value("name: x\na: '{{param.p}}'\n", &json!({"p": [evil]}))["a"], json!([inert]));
}

#[test]
fn in_an_expression_a_parameter_is_a_literal() {
    let evil = "x' or true or '\"}}";
    let literal = r#""x' or true or '\"\u007d\u007d""#;
    for condition in ["input.k == '{{param.p}}'", "input.k == {{param.p}}"] {
        let yaml = format!("name: x\ncondition: {}\n", json!(condition));
        assert_eq!(value(&yaml, &json!({"p": evil}))["condition"], format!("input.k == {literal}"));
    }
    let yaml = "name: x\ncondition: \"input.n >= {{param.p}}\"\n";
    assert_eq!(value(yaml, &json!({"p": 3}))["condition"], "input.n >= 3");
    let yaml = "name: x\na: \"{{ input.k | default('{{param.p}}') }} so\"\n";
    assert_eq!(value(yaml, &json!({"p": evil}))["a"], format!("{{{{ input.k | default({literal}) }}}} so"));
}

#[test]
fn what_can_not_be_read_is_refused() {
    for bad in ["", "- a\n", "a: [\n", "name: a\nname: b\n"] {
        assert_eq!(filled(bad, &json!({})), Err(FillError::Unreadable), "{bad:?}");
    }
}
