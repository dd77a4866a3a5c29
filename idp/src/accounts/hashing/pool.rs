//! A fixed set of threads behind a queue that is full rather than long.
//!
//! A thread, and the memory it owns, is the permit: it is held by the work and given back when the work is done, so
//! requests that go away in the middle free nothing early (LS-04). Over tokio's blocking threads, because those are
//! hundreds and each would want its own 19 MiB.

use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use tokio::sync::oneshot;

pub(super) struct Pool<J, A> {
    tasks: flume::Sender<Task<J, A>>,
    threads: NonZeroUsize,
}

struct Task<J, A> {
    job: J,
    reply: oneshot::Sender<A>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// As many are waiting already as may.
    Full { waiting: usize },
    /// The job panicked.
    Lost,
}

impl<J: Send + 'static, A: Send + 'static> Pool<J, A> {
    /// `worker` makes what one thread works with; it is called again after a panic, which may have left it half-way.
    pub fn start<W: FnMut(J) -> A>(
        threads: NonZeroUsize,
        queue: NonZeroUsize,
        worker: impl Fn() -> W + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, tasks) = flume::bounded(queue.get());
        for number in 0..threads.get() {
            let (tasks, worker) = (tasks.clone(), worker.clone());
            thread::Builder::new().name(format!("hashing-{number}")).spawn(move || work(&tasks, worker))?;
        }
        Ok(Self { tasks: sender, threads })
    }

    /// Waits for the answer, never for a place in the queue.
    pub async fn run(&self, job: J) -> Result<A, Refused> {
        let (reply, answer) = oneshot::channel();
        // Full, or every thread has gone, which ends the same way: not now.
        self.tasks.try_send(Task { job, reply }).map_err(|_| Refused::Full { waiting: self.tasks.len() })?;
        answer.await.map_err(|_| Refused::Lost)
    }

    pub const fn threads(&self) -> NonZeroUsize {
        self.threads
    }
}

/// Ends when the pool is dropped and the queue is empty.
fn work<J, A, W: FnMut(J) -> A>(tasks: &flume::Receiver<Task<J, A>>, make: impl Fn() -> W) {
    let mut worker = make();
    for Task { job, reply } in tasks {
        // Nobody waits for it any more and it has not begun: the place goes to the next.
        if reply.is_closed() {
            continue;
        }
        match catch_unwind(AssertUnwindSafe(|| worker(job))) {
            // Whoever asked may have left meanwhile.
            Ok(answer) => drop(reply.send(answer)),
            Err(_panic) => worker = make(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const ONE: NonZeroUsize = NonZeroUsize::MIN;

    fn count(n: usize) -> NonZeroUsize {
        NonZeroUsize::new(n).unwrap()
    }

    /// Jobs that say when they begin and end when told.
    struct Gate {
        begun: flume::Receiver<u32>,
        open: flume::Sender<()>,
        at_once: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
    }

    fn gated(threads: usize, queue: usize) -> (Arc<Pool<u32, u32>>, Gate) {
        let (announce, begun) = flume::unbounded();
        let (open, opened) = flume::unbounded::<()>();
        let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let gate = Gate { begun, open, at_once: at_once.clone(), most: most.clone() };
        let pool = Pool::start(count(threads), count(queue), move || {
            let (announce, opened, at_once, most) = (announce.clone(), opened.clone(), at_once.clone(), most.clone());
            move |job| {
                most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                announce.send(job).unwrap();
                let _closed = opened.recv();
                at_once.fetch_sub(1, Ordering::SeqCst);
                job
            }
        })
        .unwrap();
        (Arc::new(pool), gate)
    }

    fn spawn(pool: &Arc<Pool<u32, u32>>, job: u32) -> tokio::task::JoinHandle<Result<u32, Refused>> {
        let pool = pool.clone();
        tokio::spawn(async move { pool.run(job).await })
    }

    #[tokio::test]
    async fn a_full_queue_is_said_at_once() {
        let (pool, gate) = gated(1, 1);
        let first = spawn(&pool, 1);
        assert_eq!(gate.begun.recv_async().await, Ok(1));
        let second = spawn(&pool, 2);
        tokio::task::yield_now().await;

        assert_eq!(pool.run(3).await, Err(Refused::Full { waiting: 1 }));

        gate.open.send(()).unwrap();
        gate.open.send(()).unwrap();
        assert_eq!(first.await.unwrap(), Ok(1));
        assert_eq!(second.await.unwrap(), Ok(2));
    }

    /// LS-04: clients that leave in the middle of their hash free neither its thread nor a place.
    #[tokio::test]
    async fn a_storm_of_disconnections_keeps_the_work_within_its_threads() {
        let (pool, gate) = gated(2, 4);
        let leaving = [spawn(&pool, 1), spawn(&pool, 2)];
        gate.begun.recv_async().await.unwrap();
        gate.begun.recv_async().await.unwrap();
        for gone in leaving {
            gone.abort();
            assert!(gone.await.unwrap_err().is_cancelled());
        }

        for wave in 0..20 {
            let storm: Vec<_> = (0..10).map(|n| spawn(&pool, 100 + wave * 10 + n)).collect();
            tokio::task::yield_now().await;
            assert_eq!(gate.at_once.load(Ordering::SeqCst), 2, "the work whose clients have left goes on");
            assert!(gate.begun.is_empty(), "and nothing begins beside it");
            storm.iter().for_each(tokio::task::JoinHandle::abort);
        }

        // Closing the gate's channel lets everything through: what nobody waits for is not even begun.
        drop(gate.open);
        while pool.run(3).await.is_err() {
            tokio::task::yield_now().await;
        }
        assert_eq!(gate.most.load(Ordering::SeqCst), 2);
        assert_eq!(gate.begun.drain().collect::<Vec<_>>(), [3]);
    }

    #[tokio::test]
    async fn a_panicking_job_is_lost_alone_and_its_thread_works_on_with_a_fresh_worker() {
        let made = Arc::new(AtomicUsize::new(0));
        let counted = made.clone();
        let pool = Pool::start(ONE, ONE, move || {
            counted.fetch_add(1, Ordering::SeqCst);
            |job: u32| if job == 13 { panic!("as this test wants") } else { job }
        })
        .unwrap();
        for _ in 0..3 {
            assert_eq!(pool.run(13).await, Err(Refused::Lost));
            assert_eq!(pool.run(7).await, Ok(7));
        }
        assert_eq!(made.load(Ordering::SeqCst), 4);
    }
}
