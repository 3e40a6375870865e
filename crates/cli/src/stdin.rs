//! What is read of our own standard input, and of other descriptors that we were given: by a thread, so that a signal
//! ends us also while nothing comes.

use vps_ops::Kind;

use crate::app::App;
use crate::exit::Exit;
use crate::report::Failure;

/// What comes of `reading`, which may wait for as long as somebody types; or that we were stopped first. Then nobody
/// takes what is read afterwards, and the thread ends with the process.
pub(crate) async fn read<T: Send + 'static>(
    app: &App,
    what: &str,
    reading: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let thread = app.env.thread("stdin", reading);
    let thread = thread.map_err(|error| Failure::of_error(Exit::Local, Kind::Local, &error))?;
    tokio::select! {
        biased;
        () = app.cancel.cancelled() => Err(stopped(&format!("stopped before {what} was read to its end"))),
        read = thread => read.map_err(|_| Failure::local(format!("{what} cannot be read"))),
    }
}

/// Anything but a yes is a no. Whoever is asked may also stop us, which is neither.
pub(crate) async fn confirmed(app: &App, question: &str) -> Result<bool, Failure> {
    app.screen.ask(question);
    let asked = read(app, "the answer", || {
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
    });
    let answer = asked.await.map_err(|failure| match failure.kind {
        kind if kind == Kind::Cancelled.into() => stopped("stopped before it was answered; nothing was done"),
        _ => failure,
    })?;
    app.screen.is_answered();
    Ok(answer)
}

/// What a signal ended; which one is put in its place later.
pub(crate) fn stopped(message: &str) -> Failure {
    Failure::new(Exit::of(Kind::Cancelled), Kind::Cancelled, message)
}
