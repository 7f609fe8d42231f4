//! Work that is shared among threads, if there is enough of it.

use rayon::prelude::*;

/// The operations below which one thread is done before a second one has been woken.
const SMALL: usize = 1 << 15;

/// How many products of a matrix product take as long as an operation on one value in memory.
pub(crate) const PRODUCTS: usize = 16;

/// Calls a function for each of some tasks, of about `work` operations together.
pub(crate) fn for_each(tasks: usize, work: usize, task: impl Fn(usize) + Sync + Send) {
    if tasks <= 1 || work < SMALL {
        (0..tasks).for_each(task);
    } else {
        (0..tasks).into_par_iter().for_each(task);
    }
}

/// Calls a function for each chunk of a buffer, with its number.
pub(crate) fn for_each_chunk(
    buffer: &mut [f32],
    len: usize,
    task: impl Fn(usize, &mut [f32]) + Sync + Send,
) {
    if buffer.len() < SMALL {
        buffer.chunks_mut(len).enumerate().for_each(|(index, chunk)| task(index, chunk));
    } else {
        buffer.par_chunks_mut(len).enumerate().for_each(|(index, chunk)| task(index, chunk));
    }
}

/// Returns the results of a function for each of some tasks, of about `work` operations together.
pub(crate) fn collect<R: Send>(
    tasks: usize,
    work: usize,
    task: impl Fn(usize) -> R + Sync + Send,
) -> Vec<R> {
    if tasks <= 1 || work < SMALL {
        (0..tasks).map(task).collect()
    } else {
        (0..tasks).into_par_iter().map(task).collect()
    }
}
