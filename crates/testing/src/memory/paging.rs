//! Cutting a page out of a list.

use procession_application::ports::{Page, PageStart, Paging, RowPlace, StoreError};

/// The page of rows that stand in their order; `is_behind` says whether a row comes after another one.
pub(super) fn page<T>(
    rows: Vec<(RowPlace, T)>,
    paging: &Paging,
    is_behind: impl Fn(&RowPlace, &RowPlace) -> bool,
) -> Result<Page<T>, StoreError> {
    let total = rows.len() as u64;
    let skipped = match &paging.start {
        PageStart::Offset(offset) => usize::try_from(*offset).unwrap_or(usize::MAX),
        PageStart::Cursor(cursor) => {
            let after: RowPlace = cursor.parse()?;
            rows.iter().take_while(|(place, _)| !is_behind(place, &after)).count()
        }
    };
    let limit = paging.limit as usize;
    let mut rest = rows.into_iter().skip(skipped);
    let (places, shown): (Vec<RowPlace>, Vec<T>) = rest.by_ref().take(limit).unzip();
    let is_last = rest.next().is_none();
    let next_cursor = places.last().filter(|_| !is_last).map(ToString::to_string);
    Ok(Page { rows: shown, total, next_cursor })
}
