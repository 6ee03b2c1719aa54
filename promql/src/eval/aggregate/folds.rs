//! What aggregations keep of the values of a group, one step at a time; each can be joined
//! with what another thread has kept.

use crate::{
    column::{ABSENT, is_absent},
    kahan::{Mean, Spread, Sum},
};

/// What one step of one group knows.
pub(super) trait Fold: Default + Clone + Send {
    fn add(&mut self, value: f64);
    fn join(&mut self, other: Self);
    /// None where nothing was added.
    fn value(&self) -> Option<f64>;
    /// Counts a histogram where its value does not matter.
    fn count(&mut self) {}
}

#[derive(Default, Clone)]
pub(super) struct Total(Sum, bool);

impl Fold for Total {
    #[inline]
    fn add(&mut self, value: f64) {
        self.0.add(value);
        self.1 = true;
    }
    fn join(&mut self, other: Self) {
        if other.1 {
            self.add(other.0.sum);
            self.0.lost += other.0.lost;
        }
    }
    fn value(&self) -> Option<f64> {
        self.1.then(|| self.0.value())
    }
}

impl Fold for Mean {
    #[inline]
    fn add(&mut self, value: f64) {
        Self::add(self, value);
    }
    fn join(&mut self, other: Self) {
        Self::join(self, other);
    }
    fn value(&self) -> Option<f64> {
        (Self::count(*self) > 0.0).then(|| Self::value(*self))
    }
}

#[derive(Default, Clone)]
pub(super) struct Variance(Spread);

impl Fold for Variance {
    #[inline]
    fn add(&mut self, value: f64) {
        self.0.add(value);
    }
    fn join(&mut self, other: Self) {
        self.0.join(other.0);
    }
    fn value(&self) -> Option<f64> {
        (self.0.count > 0.0).then(|| self.0.variance())
    }
}

#[derive(Default, Clone)]
pub(super) struct Count(u64);

impl Fold for Count {
    #[inline]
    fn add(&mut self, _: f64) {
        self.0 += 1;
    }
    fn join(&mut self, other: Self) {
        self.0 += other.0;
    }
    fn value(&self) -> Option<f64> {
        (self.0 > 0).then_some(self.0 as f64)
    }
    fn count(&mut self) {
        self.0 += 1;
    }
}

/// The least, or with `MAX` the greatest; NaN only where there is nothing else.
#[derive(Clone)]
pub(super) struct Extreme<const MAX: bool>(f64);

impl<const MAX: bool> Default for Extreme<MAX> {
    fn default() -> Self {
        Self(ABSENT)
    }
}

impl<const MAX: bool> Fold for Extreme<MAX> {
    #[inline]
    fn add(&mut self, value: f64) {
        let better = if MAX { value > self.0 } else { value < self.0 };
        if better || self.0.is_nan() {
            self.0 = value;
        }
    }
    fn join(&mut self, other: Self) {
        if !is_absent(other.0) {
            self.add(other.0);
        }
    }
    fn value(&self) -> Option<f64> {
        (!is_absent(self.0)).then_some(self.0)
    }
}
