//! An allocator that counts, so that a decoder which believes a length that a body
//! merely claims is found before the machine runs out of memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes that any body may take: contexts of decompressors, limits of single items.
const BASE_BYTES: usize = 4 << 20;
/// And for each byte of it: the smallest JSON value is two bytes and becomes 72.
const PER_BYTE: usize = 256;

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(live, Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Runs `decode` of a body of `length` bytes; panics where it took too much memory.
pub(crate) fn bounded<T>(length: usize, decode: impl FnOnce() -> T) -> T {
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let told = decode();
    let taken = PEAK.load(Relaxed).saturating_sub(before);
    let limit = BASE_BYTES + PER_BYTE * length;
    assert!(
        taken <= limit,
        "{length} bytes took {taken} of memory, the limit is {limit}"
    );
    told
}
