//! A session under way: events go to and fro until one side leaves, the money or the time ends, or the server stops.

use std::time::Duration;

use domain::RequestId;
use egress::Socket;
use futures::{SinkExt as _, StreamExt as _};
use llm::{RealtimeNames, RealtimeWhat, Refusal};
use store::{Scope, Store};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{CloseFrame, Role, frame::coding::CloseCode},
    },
};
use tokio_util::sync::CancellationToken;

use super::{Duplex, Line, Opened, account::Account, limits};
use crate::{Inner, failure::Failure, settle::Settler};

/// How long a client may take to hear that the session begins, and any side to take an event.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the key is looked at.
const TICK: Duration = Duration::from_secs(1);
/// After so many of them each side is asked whether it is still there, and after so many without a sign it is not.
const PING_TICKS: u32 = 20;
const GONE_TICKS: u32 = 60;
/// How long a provider is waited for to say what an answer used that nobody wants any more.
const LAST_WORD: Duration = Duration::from_secs(2);

type Ends<T> = WebSocketStream<T>;

pub(crate) struct Session {
    provider: Ends<Socket>,
    first: String,
    shown: String,
    own: String,
    account: Account,
    request: RequestId,
    store: Store,
    scope: Scope,
    stop: CancellationToken,
    until: Instant,
}

/// Why a session is over.
enum End {
    /// The client has left.
    Left,
    /// The provider closed it in the usual way.
    Closed(CloseCode),
    /// What the client hears, and with which code its connection ends.
    Failed(Box<Failure>, CloseCode),
    /// It ended as it should, with a word to the client.
    Over(Refusal, CloseCode),
}

impl Session {
    pub(super) fn new(
        gateway: &Inner,
        (opened, shown): (Opened, String),
        settler: Settler,
        scope: Scope,
    ) -> Self {
        let Opened { provider, first, model } = opened;
        Self {
            provider,
            first,
            shown,
            own: model,
            request: settler.request(),
            account: Account::new(settler),
            store: gateway.store.clone(),
            scope,
            stop: gateway.stop.clone(),
            until: Instant::now() + gateway.config.realtime(),
        }
    }

    pub(super) async fn run(mut self, line: Line) {
        let Ok(Some(line)) = timeout(PATIENCE, line).await else { return };
        let mut client = WebSocketStream::from_raw_socket(line, Role::Server, Some(limits())).await;
        let first = std::mem::take(&mut self.first);
        let end = match told(&mut client, first).await {
            Ok(()) => self.carry(&mut client).await,
            Err(end) => end,
        };
        self.end(client, end).await;
    }

    async fn carry(&mut self, client: &mut Ends<Box<dyn Duplex>>) -> End {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut of_client, mut of_provider) = (0_u32, 0_u32);
        let stop = self.stop.clone();
        loop {
            let passed = tokio::select! {
                biased;
                () = stop.cancelled() => return stopping(),
                _ = ticks.tick() => {
                    (of_client, of_provider) = (of_client + 1, of_provider + 1);
                    self.tick(client, (of_client, of_provider)).await
                }
                heard = client.next() => {
                    of_client = 0;
                    self.heard_client(client, heard.and_then(Result::ok)).await
                }
                heard = self.provider.next() => {
                    of_provider = 0;
                    self.heard_provider(client, heard.and_then(Result::ok)).await
                }
            };
            if let Err(end) = passed {
                return end;
            }
        }
    }

    /// A second has passed. `silent` says for how many each side has been silent.
    async fn tick(
        &mut self,
        client: &mut Ends<Box<dyn Duplex>>,
        silent: (u32, u32),
    ) -> Result<(), End> {
        if Instant::now() >= self.until {
            let says = "The session has reached its longest time. Begin another one.";
            return Err(End::Over(Refusal::new(400, "session_expired", says), CloseCode::Normal));
        }
        if let Err(error) = self.store.key_stands(&self.scope) {
            return Err(End::Over(Refusal::from(&error), CloseCode::Policy));
        }
        if silent.0 >= GONE_TICKS {
            return Err(End::Left);
        }
        if silent.1 >= GONE_TICKS {
            return Err(End::Failed(Box::new(Failure::stalled()), CloseCode::Error));
        }
        if silent.0 % PING_TICKS == PING_TICKS - 1 {
            sent(client, Message::Ping(bytes::Bytes::new())).await.map_err(|()| End::Left)?;
        }
        if silent.1 % PING_TICKS == PING_TICKS - 1 {
            sent(&mut self.provider, Message::Ping(bytes::Bytes::new()))
                .await
                .map_err(|()| cut())?;
        }
        Ok(())
    }

    async fn heard_client(
        &mut self,
        client: &mut Ends<Box<dyn Duplex>>,
        heard: Option<Message>,
    ) -> Result<(), End> {
        let text = match heard {
            Some(Message::Text(text)) => text,
            Some(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => return Ok(()),
            Some(Message::Binary(_)) => {
                let says = "Events are sent as text.";
                let event = self.refusal(&Refusal::new(400, "invalid_event", says), None);
                return told(client, event).await;
            }
            Some(Message::Close(_)) | None => return Err(End::Left),
        };
        let names = RealtimeNames { shown: &self.shown, own: &self.own };
        let asked = match llm::realtime_asks(&text, names) {
            Ok(asked) => asked,
            Err(unfit) => {
                let (bad, about) = *unfit;
                let event = self.refusal(&Refusal::from(&bad), about.as_deref());
                return told(client, event).await;
            }
        };
        if asked.transcribes && self.account.is_watched() {
            let says = "A budget applies, and what it costs to have another model write down what is heard is not \
                        known before. Leave transcription out.";
            let event = self.refusal(&Refusal::new(400, "no_price", says), None);
            return told(client, event).await;
        }
        if asked.answer
            && let Err(failure) = self.account.asked()
        {
            let event = self.refusal(&failure.refusal, None);
            return told(client, event).await;
        }
        let event = asked.event.into_owned();
        sent(&mut self.provider, Message::text(event)).await.map_err(|()| cut())
    }

    fn refusal(&self, refusal: &Refusal, about: Option<&str>) -> String {
        llm::realtime_error(refusal, (&self.event_id(), about))
    }

    fn event_id(&self) -> String {
        format!("event_{}", self.request)
    }

    async fn heard_provider(
        &mut self,
        client: &mut Ends<Box<dyn Duplex>>,
        heard: Option<Message>,
    ) -> Result<(), End> {
        let text = match heard {
            Some(Message::Text(text)) => text,
            Some(Message::Ping(_) | Message::Pong(_) | Message::Frame(_) | Message::Binary(_)) => {
                return Ok(());
            }
            Some(Message::Close(frame)) => return Err(closed(frame.as_ref())),
            None => return Err(cut()),
        };
        let names = RealtimeNames { shown: &self.shown, own: &self.own };
        let told_event = llm::realtime_tells(&text, names);
        let event = told_event.event.map(std::borrow::Cow::into_owned);
        let counted = self.count(told_event.what);
        if let Some(event) = event {
            told(client, event).await?;
        }
        counted.map_err(|failure| End::Failed(failure, CloseCode::Policy))
    }

    fn count(&mut self, what: RealtimeWhat) -> Result<(), Box<Failure>> {
        match what {
            RealtimeWhat::Answering => self.account.answering(),
            RealtimeWhat::Piece { text, sound } => self.account.piece(text, sound),
            RealtimeWhat::Transcribed => self.account.transcribed(),
            RealtimeWhat::Answered(spent) => return self.account.answered(spent),
            RealtimeWhat::Other | RealtimeWhat::Begun | RealtimeWhat::Failed(_) => {}
        }
        Ok(())
    }

    async fn end(mut self, mut client: Ends<Box<dyn Duplex>>, end: End) {
        let (word, code, failure) = match end {
            End::Left => (None, CloseCode::Normal, None),
            End::Closed(code) => (None, code, None),
            End::Over(refusal, code) => (Some(refusal), code, None),
            End::Failed(failure, code) => (Some(failure.refusal.clone()), code, Some(failure)),
        };
        if self.account.is_answering() && !matches!(code, CloseCode::Error) {
            self.last_word().await;
        }
        // The provider first: everything it makes from now on is for nobody.
        drop(timeout(LAST_WORD, self.provider.close(None)).await);
        let id = self.event_id();
        let Self { provider, account, .. } = self;
        drop(provider);
        account.settle(failure.as_deref());
        if let Some(refusal) = word {
            let event = llm::realtime_error(&refusal, (&id, None));
            if told(&mut client, event).await.is_err() {
                return;
            }
        }
        let frame = CloseFrame { code, reason: "".into() };
        drop(timeout(LAST_WORD, client.close(Some(frame))).await);
    }

    /// Stops the answers under way, and hears what they used.
    async fn last_word(&mut self) {
        let until = Instant::now() + LAST_WORD;
        if sent(&mut self.provider, Message::text(llm::REALTIME_CANCEL)).await.is_err() {
            return;
        }
        while self.account.is_answering() {
            let Ok(Some(Ok(message))) = timeout_at(until, self.provider.next()).await else {
                return;
            };
            let Message::Text(text) = message else { continue };
            let names = RealtimeNames { shown: &self.shown, own: &self.own };
            // Whether there is money for another does not matter any more.
            drop(self.count(llm::realtime_tells(&text, names).what));
        }
    }
}

async fn sent<T: Duplex>(to: &mut Ends<T>, message: Message) -> Result<(), ()> {
    match timeout(PATIENCE, to.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(()),
    }
}

async fn told(client: &mut Ends<Box<dyn Duplex>>, event: String) -> Result<(), End> {
    sent(client, Message::text(event)).await.map_err(|()| End::Left)
}

fn cut() -> End {
    End::Failed(Box::new(Failure::truncated()), CloseCode::Error)
}

fn stopping() -> End {
    End::Failed(Box::new(Failure::shutting_down()), CloseCode::Restart)
}

fn closed(frame: Option<&CloseFrame>) -> End {
    match frame.map(|frame| frame.code) {
        None | Some(CloseCode::Normal | CloseCode::Away | CloseCode::Status) => {
            End::Closed(CloseCode::Normal)
        }
        Some(CloseCode::Policy | CloseCode::Size | CloseCode::Invalid) => {
            End::Closed(CloseCode::Policy)
        }
        Some(_) => cut(),
    }
}
