//! Operators of the parser, some of which stand for foreign ones.

use super::ast::{BinOpKind, CompareOpKind};
use crate::{
    ast::{Arithmetic, Comparator, Comparison, Expression, LinkKind},
    normalise::Operator,
};

/// What an operator does with what stands left of it.
pub fn binary_link(op: BinOpKind, special: Option<Operator>, right: Expression) -> LinkKind {
    let comparator = match op {
        BinOpKind::ScAnd => return LinkKind::And(right),
        BinOpKind::ScOr => {
            return match special {
                Some(Operator::FirstTrue) => LinkKind::FirstTrue(right),
                Some(Operator::FirstPresent) => LinkKind::FirstPresent(right),
                Some(Operator::Contains) | None => LinkKind::Or(right),
            };
        }
        BinOpKind::Concat => return LinkKind::Join(right),
        BinOpKind::Add => return LinkKind::Arithmetic(Arithmetic::Add, right),
        BinOpKind::Sub => return LinkKind::Arithmetic(Arithmetic::Subtract, right),
        BinOpKind::Mul => return LinkKind::Arithmetic(Arithmetic::Multiply, right),
        BinOpKind::Div => return LinkKind::Arithmetic(Arithmetic::Divide, right),
        BinOpKind::FloorDiv => return LinkKind::Arithmetic(Arithmetic::DivideWhole, right),
        BinOpKind::Rem => return LinkKind::Arithmetic(Arithmetic::Remainder, right),
        BinOpKind::Pow => return LinkKind::Arithmetic(Arithmetic::Power, right),
        BinOpKind::Eq => CompareOpKind::Eq,
        BinOpKind::Ne => CompareOpKind::Ne,
        BinOpKind::Lt => CompareOpKind::Lt,
        BinOpKind::Lte => CompareOpKind::Lte,
        BinOpKind::Gt => CompareOpKind::Gt,
        BinOpKind::Gte => CompareOpKind::Gte,
        BinOpKind::In => CompareOpKind::In,
    };
    LinkKind::Compare(vec![comparison(comparator, special, right)])
}

/// One comparison; `contains` reads as an `in` with its sides swapped.
pub fn comparison(op: CompareOpKind, special: Option<Operator>, right: Expression) -> Comparison {
    let is_swapped = special == Some(Operator::Contains);
    let operator = match op {
        CompareOpKind::Eq => Comparator::Equal,
        CompareOpKind::Ne => Comparator::NotEqual,
        CompareOpKind::Lt => Comparator::Less,
        CompareOpKind::Lte => Comparator::LessOrEqual,
        CompareOpKind::Gt => Comparator::Greater,
        CompareOpKind::Gte => Comparator::GreaterOrEqual,
        CompareOpKind::In if is_swapped => Comparator::Contains,
        CompareOpKind::In => Comparator::In,
        CompareOpKind::NotIn if is_swapped => Comparator::ContainsNot,
        CompareOpKind::NotIn => Comparator::NotIn,
    };
    Comparison { operator, right, word: None }
}
