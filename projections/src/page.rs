//! Pages of a list. The cursor is the last row's sort key; the gateway signs it.

use serde::Serialize;

/// Some items and where the next page begins.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page<T, C> {
    pub items: Vec<T>,
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// From `limit + 1` fetched rows: the one too many says that there is more.
    pub(crate) fn cut(mut fetched: Vec<T>, limit: u32, cursor: impl FnOnce(&T) -> C) -> Self {
        let limit = limit as usize;
        let more = fetched.len() > limit;
        fetched.truncate(limit);
        let next = fetched.last().filter(|_| more).map(cursor);
        Self {
            items: fetched,
            next,
        }
    }

    pub(crate) fn map<U>(self, show: impl FnMut(T) -> U) -> Page<U, C> {
        Page {
            items: self.items.into_iter().map(show).collect(),
            next: self.next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_given_only_where_more_follows() {
        let full = Page::cut(vec![1, 2, 3], 2, |last| *last);
        assert_eq!((full.items, full.next), (vec![1, 2], Some(2)));
        let last = Page::cut(vec![1, 2], 2, |last| *last);
        assert_eq!((last.items, last.next), (vec![1, 2], None));
    }
}
