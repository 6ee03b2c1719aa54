//! Sums that lose nothing to rounding (Neumaier), as Prometheus computes them.

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Sum {
    pub(crate) sum: f64,
    pub(crate) lost: f64,
}

impl Sum {
    #[inline]
    pub(crate) fn add(&mut self, value: f64) {
        let total = self.sum + value;
        if total.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.lost += (self.sum - total) + value;
        } else {
            self.lost += (value - total) + self.sum;
        }
        self.sum = total;
    }

    #[inline]
    pub(crate) fn value(self) -> f64 {
        if self.sum.is_infinite() {
            self.sum
        } else {
            self.sum + self.lost
        }
    }
}

/// An average that falls back to a running mean where the sum would overflow.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Mean {
    total: Sum,
    count: f64,
    running: bool,
}

impl Mean {
    #[inline]
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if self.count == 1.0 {
            self.total.sum = value;
            return;
        }
        if !self.running {
            let mut total = self.total;
            total.add(value);
            if !total.sum.is_infinite() {
                self.total = total;
                return;
            }
            self.run(self.count - 1.0);
        }
        let kept = (self.count - 1.0) / self.count;
        self.total.sum *= kept;
        self.total.lost *= kept;
        self.total.add(value / self.count);
    }

    fn run(&mut self, count: f64) {
        if !self.running {
            self.running = true;
            self.total.sum /= count;
            self.total.lost /= count;
        }
    }

    pub(crate) fn value(self) -> f64 {
        if self.running {
            self.total.value()
        } else {
            self.total.sum / self.count + self.total.lost / self.count
        }
    }

    pub(crate) fn count(self) -> f64 {
        self.count
    }

    /// As if the other's values had been added here.
    pub(crate) fn join(&mut self, mut other: Self) {
        if other.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            *self = other;
            return;
        }
        let count = self.count + other.count;
        if !self.running && !other.running {
            let mut total = self.total;
            total.add(other.total.sum);
            total.lost += other.total.lost;
            if !total.sum.is_infinite() {
                self.total = total;
                self.count = count;
                return;
            }
        }
        self.run(self.count);
        other.run(other.count);
        self.total.sum *= self.count / count;
        self.total.lost *= self.count / count;
        self.total.add(other.total.value() * (other.count / count));
        self.count = count;
    }
}

/// Mean and summed squares of deviations (Welford).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Spread {
    pub(crate) count: f64,
    mean: Sum,
    squares: Sum,
}

impl Spread {
    #[inline]
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean.value();
        self.mean.add(delta / self.count);
        self.squares.add(delta * (value - self.mean.value()));
        if value.is_infinite() {
            self.squares.sum = f64::NAN;
        }
    }

    pub(crate) fn variance(self) -> f64 {
        self.squares.value() / self.count
    }

    /// As if the other's values had been added here.
    pub(crate) fn join(&mut self, other: Self) {
        if other.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            *self = other;
            return;
        }
        let count = self.count + other.count;
        let delta = other.mean.value() - self.mean.value();
        self.squares.add(other.squares.value());
        self.squares
            .add(delta * delta * self.count * other.count / count);
        self.mean.add(delta * other.count / count);
        self.count = count;
    }
}
