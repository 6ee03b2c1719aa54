//! Room for so many connections at once. Where none is left, the connection of HTTP/1 that
//! has been without a request for longest gives up its place.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long a new connection waits for the place of one that was asked to leave.
const SOON: Duration = Duration::from_secs(5);

/// [`Quiet::since`] while there is a request.
const BUSY: u64 = 0;
/// [`Quiet::since`] once it was asked to leave.
const LEAVING: u64 = u64::MAX;

#[derive(Debug)]
pub(super) struct Room {
    places: Arc<Semaphore>,
    /// From when times are counted.
    opened: Instant,
    seats: Mutex<Seats>,
}

#[derive(Debug, Default)]
struct Seats {
    next: u64,
    all: HashMap<u64, Arc<Quiet>>,
    /// Who was quiet when that was last looked at, the longest last. Whoever falls quiet
    /// later comes after them, so that it is looked at again only when all were asked.
    longest: Vec<(u64, Arc<Quiet>)>,
}

impl Room {
    pub(super) fn of(places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            opened: Instant::now(),
            seats: Mutex::default(),
        }
    }

    /// A place for one more connection; None where every one is needed.
    pub(super) fn place(&self) -> Option<Place> {
        match self.places.clone().try_acquire_owned() {
            Ok(place) => Some(Place::Free(place)),
            Err(_) => self.ask_longest().then(|| Place::Soon(self.places.clone())),
        }
    }

    /// Asks the one that has been quiet for longest to leave; false where nobody is quiet.
    fn ask_longest(&self) -> bool {
        let mut seats = self.seats.lock();
        seats.ask_longest() || {
            seats.look();
            seats.ask_longest()
        }
    }

    /// For a connection of HTTP/1: it can be asked to leave while it is quiet.
    pub(super) fn seat(self: &Arc<Self>) -> Seat {
        let quiet = Arc::new(Quiet {
            opened: self.opened,
            since: AtomicU64::new(BUSY),
            leave: Notify::new(),
        });
        let mut seats = self.seats.lock();
        let number = seats.next;
        seats.next += 1;
        seats.all.insert(number, quiet.clone());
        drop(seats);
        Seat {
            room: self.clone(),
            number,
            quiet,
        }
    }
}

impl Seats {
    fn ask_longest(&mut self) -> bool {
        while let Some((since, quiet)) = self.longest.pop() {
            if quiet.ask_to_leave(since) {
                return true;
            }
        }
        false
    }

    fn look(&mut self) {
        let quiet = self.all.values().filter_map(|quiet| {
            let since = quiet.since.load(Relaxed);
            (![BUSY, LEAVING].contains(&since)).then(|| (since, quiet.clone()))
        });
        self.longest.extend(quiet);
        self.longest
            .sort_unstable_by_key(|(since, _)| Reverse(*since));
    }
}

pub(super) enum Place {
    Free(OwnedSemaphorePermit),
    /// Somebody was asked to leave.
    Soon(Arc<Semaphore>),
}

impl Place {
    /// None where nobody has left in time.
    pub(super) async fn taken(self) -> Option<OwnedSemaphorePermit> {
        match self {
            Self::Free(place) => Some(place),
            Self::Soon(places) => timeout(SOON, places.acquire_owned()).await.ok()?.ok(),
        }
    }
}

/// What a connection of HTTP/1 has as long as it lasts.
pub(super) struct Seat {
    room: Arc<Room>,
    number: u64,
    pub(super) quiet: Arc<Quiet>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        // Whoever has found it quiet asks the next one.
        self.quiet.heard();
        self.room.seats.lock().all.remove(&self.number);
    }
}

/// Whether and since when a connection is without a request. Requests write it, and share
/// nothing for it; it is read when no place is left.
#[derive(Debug)]
pub(super) struct Quiet {
    opened: Instant,
    /// Microseconds from `opened`, [`BUSY`] or [`LEAVING`].
    since: AtomicU64,
    leave: Notify,
}

impl Quiet {
    /// A request is waited for, at most until `deadline`: of connections that all may wait
    /// equally long, the nearest deadline is of the one that has waited for longest.
    pub(super) fn waits(&self, deadline: Instant) {
        let from_start = deadline.saturating_duration_since(self.opened).as_micros();
        let since = u64::try_from(from_start).unwrap_or(LEAVING);
        self.since
            .store(since.clamp(BUSY + 1, LEAVING - 1), Relaxed);
    }

    /// Something of a request has come.
    pub(super) fn heard(&self) {
        self.since.store(BUSY, Relaxed);
    }

    /// Whether anything was heard since it waits.
    pub(super) fn is_heard(&self) -> bool {
        self.since.load(Relaxed) == BUSY
    }

    /// False where it was heard since then.
    fn ask_to_leave(&self, since: u64) -> bool {
        let asked = self
            .since
            .compare_exchange(since, LEAVING, Relaxed, Relaxed)
            .is_ok();
        if asked {
            self.leave.notify_one();
        }
        asked
    }

    /// Comes back when it was asked to leave and nothing was heard since.
    pub(super) async fn asked_to_leave(&self) {
        loop {
            self.leave.notified().await;
            if self.since.load(Relaxed) == LEAVING {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection that has waited for so many seconds less than the others.
    fn waiting(room: &Arc<Room>, since_s: u64) -> Seat {
        let seat = room.seat();
        let deadline = room.opened + Duration::from_secs(since_s);
        seat.quiet.waits(deadline);
        seat
    }

    fn is_leaving(seat: &Seat) -> bool {
        seat.quiet.since.load(Relaxed) == LEAVING
    }

    #[test]
    fn who_has_waited_for_longest_is_asked_first() {
        let room = Arc::new(Room::of(1));
        assert!(
            matches!(room.place(), Some(Place::Free(_))),
            "and given back"
        );
        let _place = room.place();
        assert!(room.place().is_none(), "nobody is there who could leave");

        let seats = [3, 1, 2, 4].map(|since_s| waiting(&room, since_s));
        let busy = waiting(&room, 0);
        busy.quiet.heard();
        let leaving = || seats.each_ref().map(is_leaving);
        assert!(matches!(room.place(), Some(Place::Soon(_))));
        assert_eq!(leaving(), [false, true, false, false]);
        // Found with the first, and busy meanwhile; then quiet again, after the others.
        seats[2].quiet.heard();
        seats[2].quiet.waits(room.opened + Duration::from_secs(5));
        assert!(room.place().is_some());
        assert_eq!(leaving(), [true, true, false, false]);
        assert!(room.place().is_some());
        assert_eq!(leaving(), [true, true, false, true]);
        assert!(room.place().is_some());
        assert_eq!(leaving(), [true; 4]);
        assert!(room.place().is_none() && !is_leaving(&busy));
    }

    #[test]
    fn who_has_left_is_not_asked() {
        let room = Arc::new(Room::of(0));
        let (first, second, third) = (waiting(&room, 1), waiting(&room, 2), waiting(&room, 3));
        assert!(room.place().is_some() && is_leaving(&first));
        drop((first, second));
        assert!(room.place().is_some() && is_leaving(&third));
        drop(third);
        assert!(room.place().is_none());
        assert!(room.seats.lock().all.is_empty());
    }

    #[tokio::test]
    async fn who_was_heard_after_it_was_asked_stays() {
        let room = Arc::new(Room::of(0));
        let seat = waiting(&room, 1);
        assert!(room.place().is_some());
        seat.quiet.heard();
        tokio::select! {
            biased;
            () = seat.quiet.asked_to_leave() => panic!("it has a request"),
            () = std::future::ready(()) => {}
        }
        seat.quiet.waits(room.opened + Duration::from_secs(2));
        assert!(room.place().is_some());
        seat.quiet.asked_to_leave().await;
    }

    #[tokio::test]
    async fn the_place_of_who_leaves_goes_to_who_waits_for_it() {
        let room = Arc::new(Room::of(1));
        let _seat = waiting(&room, 1);
        let Some(Place::Free(first)) = room.place() else {
            panic!("there is room");
        };
        let second = room.place().expect("somebody is asked to leave");
        let (taken, ()) = tokio::join!(second.taken(), async { drop(first) });
        assert!(taken.is_some() && room.place().is_none());
    }
}
