//! The evaluator of one definition's texts: compiles each once, and evaluates it as the domain asks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use procession_domain::{
    definition::{Condition, Definition, Template, UndefinedRule},
    expressions::{Evaluation, Expanded, ExpressionError, Expressions, Scope},
    value::{Json, Timestamp},
};

use crate::{
    Names, SyntaxError,
    ast::{Expression, Statement},
    compile::{Compiled, compile_condition, compile_template},
    evaluate::{Mode, PrintError, Run, Shown, Val, to_json},
    normalise::is_single_placeholder,
    time,
};

/// How many texts of each kind are kept compiled. A definition has few; texts beyond that are compiled each time.
const MOST_KEPT: usize = 10_000;

/// Evaluates the texts of one definition.
#[derive(Debug, Default)]
pub struct Evaluator {
    names: Names,
    templates: Kept<Vec<Statement>>,
    conditions: Kept<Expression>,
}

/// Compiled texts.
#[derive(Debug)]
struct Kept<T>(Mutex<HashMap<Box<str>, Arc<Compiled<T>>>>);

impl Evaluator {
    /// An evaluator for texts that may name these steps and inputs.
    pub fn new(names: Names) -> Self {
        Self { names, ..Self::default() }
    }

    /// The evaluator of a definition.
    pub fn of(definition: &Definition) -> Self {
        let steps = definition.steps().iter().map(|step| step.id.as_str().to_owned()).collect();
        let schema = definition.content().input.as_ref();
        let inputs = schema.map(|schema| schema.fields.keys().cloned().collect());
        Self::new(Names { steps, inputs })
    }

    fn template(&self, template: &Template) -> Result<Arc<Compiled<Vec<Statement>>>, ExpressionError> {
        let compiled = self.templates.get(&template.text, |text| compile_template(text, &self.names));
        compiled.map_err(|errors| unreadable(&template.text, template.line, &errors))
    }

    fn json(
        &self,
        template: &Template,
        scope: &Scope,
        undefined: UndefinedRule,
        take: fn(&Val<'_>) -> Taken,
    ) -> Result<Expanded<Json>, ExpressionError> {
        if !is_single_placeholder(&template.text) {
            let Expanded { value, warnings } = self.text(template, scope, undefined)?;
            let value = Json::String(value);
            return Ok(Expanded { value, warnings });
        }
        let compiled = self.template(template)?;
        let placeholder = compiled.tree.iter().find_map(|statement| match statement {
            Statement::Placeholder { value, .. } => Some(value),
            _ => None,
        });
        let Some(expression) = placeholder else {
            let value = Json::String(template.text.clone());
            return Ok(Expanded { value, warnings: Vec::new() });
        };
        let mode = Mode::Template(undefined);
        let mut run = Run::new(&template.text, template.line, &self.names, scope, mode);
        let value = match run.evaluate(expression, false) {
            Ok(value) => {
                let Taken { json, is_absent } = take(&value);
                if is_absent && run.warnings.is_empty() {
                    run.warn_absent(expression);
                }
                json.map_err(|what| run.failed(&expression.range, &what))?
            }
            Err(stop) => {
                run.keep(stop, "its placeholder stays in the text")?;
                Json::String(template.text.trim().to_owned())
            }
        };
        let warnings = run.warnings;
        Ok(Expanded { value, warnings })
    }
}

impl Expressions for Evaluator {
    fn text(
        &self,
        template: &Template,
        scope: &Scope,
        undefined: UndefinedRule,
    ) -> Result<Expanded<String>, ExpressionError> {
        let compiled = self.template(template)?;
        let mode = Mode::Template(undefined);
        let mut run = Run::new(&template.text, template.line, &self.names, scope, mode);
        let value = run.expand(&compiled.tree)?;
        let warnings = run.warnings;
        Ok(Expanded { value, warnings })
    }

    fn value(
        &self,
        template: &Template,
        scope: &Scope,
        undefined: UndefinedRule,
    ) -> Result<Expanded<Json>, ExpressionError> {
        self.json(template, scope, undefined, |value| Taken {
            json: to_json(value).map_err(PrintError::reason),
            is_absent: matches!(value, Val::Absent),
        })
    }

    fn handed_over(
        &self,
        template: &Template,
        scope: &Scope,
        undefined: UndefinedRule,
    ) -> Result<Expanded<Json>, ExpressionError> {
        self.json(template, scope, undefined, |value| {
            let part = match value {
                Val::Json(Json::Object(output), Shown::Reply) => output.get("json").or_else(|| output.get("response")),
                _ => None,
            };
            let part = part.map(|part| Val::Json(part, Shown::Plain));
            Taken { json: to_json(part.as_ref().unwrap_or(value)).map_err(PrintError::reason), is_absent: false }
        })
    }

    fn condition(&self, condition: &Condition, scope: &Scope) -> Result<Evaluation, ExpressionError> {
        let compiled = self.conditions.get(&condition.text, |text| compile_condition(text, &self.names));
        let compiled = compiled.map_err(|errors| unreadable(&condition.text, condition.line, &errors))?;
        let mut run = Run::new(&condition.text, condition.line, &self.names, scope, Mode::Condition);
        let result = run.decide(&compiled.tree, false)?;
        Ok(Evaluation { expression: condition.text.clone(), values: run.values, result, notes: run.warnings })
    }

    fn time_of(&self, text: &str, timezone: Option<&str>, now: Timestamp) -> Result<Timestamp, String> {
        time::time_of(text, timezone, now)
    }
}

/// A value taken out of an evaluation.
struct Taken {
    json: Result<Json, String>,
    is_absent: bool,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<T> Kept<T> {
    fn get(
        &self,
        text: &str,
        compile: impl FnOnce(&str) -> Result<Compiled<T>, Vec<SyntaxError>>,
    ) -> Result<Arc<Compiled<T>>, Vec<SyntaxError>> {
        let kept = |compiled: &Arc<Compiled<T>>| Arc::clone(compiled);
        if let Some(compiled) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(text).map(kept) {
            return Ok(compiled);
        }
        let compiled = Arc::new(compile(text)?);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MOST_KEPT {
            all.insert(text.into(), Arc::clone(&compiled));
        }
        Ok(compiled)
    }
}

/// The error for a text that validation should have refused.
fn unreadable(text: &str, line: u32, errors: &[SyntaxError]) -> ExpressionError {
    let described = errors.iter().map(|error| {
        let before = text.get(..error.range.start).unwrap_or_default();
        let lines = u32::try_from(before.matches('\n').count()).unwrap_or(u32::MAX);
        match line {
            0 => error.message.clone(),
            _ => format!("{} (line {})", error.message, line.saturating_add(lines)),
        }
    });
    ExpressionError::Failed { message: described.collect::<Vec<_>>().join("; ") }
}
