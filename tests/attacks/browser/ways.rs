//! The ways themselves, as pages. It must not say what becomes of them.

/// Whether a way leads to a server that was granted.
#[derive(Clone, Copy, PartialEq)]
pub enum Leads {
    Yes,
    /// This browser doesn't take it, or no page may: it is tried all the same.
    Never,
}
use Leads::{Never, Yes};

/// What it is called, and a page that takes it: `U` is the address to reach, `H` its host and port, `S` the site, and `@U`
/// the address where it must stand as it is.
pub type Route = (&'static str, Leads, &'static str);

/// What every page has at its beginning.
pub const HELP: &str = "<!doctype html><script>
const file = (type, body, ...heads) => S + '/serve?type=' + encodeURIComponent(type)
    + heads.map(head => '&head=' + encodeURIComponent(head)).join('') + '&body=' + encodeURIComponent(body);
const html = (body, ...heads) => file('text/html', body, ...heads), js = (body) => file('text/javascript', body);
const blob = (type, body) => URL.createObjectURL(new Blob([body], { type }));
const make = (name, more) => document.documentElement.appendChild(Object.assign(document.createElement(name), more));
const link = (rel, more) => make('link', { rel, href: U, ...more });
const style = (text) => make('style', { textContent: text });
const redirect = (status) => S + '/redirect?status=' + status + '&to=' + encodeURIComponent(U);
const submit = (more, parent = document.documentElement) => {
    const form = parent.appendChild(Object.assign(document.createElement('form'), { action: U, ...more }));
    form.innerHTML = '<input name=secret value=taken>';
    HTMLFormElement.prototype.submit.call(form);
};
</script>";

pub const SCRIPTS: &[Route] = &[
    ("fetch", Yes, "<script>fetch(U, { mode: 'no-cors' })</script>"),
    ("fetch POST", Yes, "<script>fetch(U, { method: 'POST', mode: 'no-cors', body: 'x' })</script>"),
    ("fetch with keepalive", Yes, "<script>fetch(U, { mode: 'no-cors', keepalive: true })</script>"),
    ("fetch of a redirect", Yes, "<script>fetch(redirect(307), { mode: 'no-cors' })</script>"),
    ("fetch of two redirects", Yes,
        "<script>fetch(S + '/redirect?to=' + encodeURIComponent(redirect(302)), { mode: 'no-cors' })</script>"),
    ("fetch over TLS", Yes, "<script>fetch('https://' + H + '/', { mode: 'no-cors' })</script>"),
    ("fetch as user@host", Never, "<script>fetch('http://user@' + H + '/', { mode: 'no-cors' })</script>"),
    ("fetchLater", Never, "<script>fetchLater(U, { activateAfter: 0 })</script>"),
    ("XHR", Yes, "<script>x = new XMLHttpRequest; x.open('POST', U); x.send('x')</script>"),
    ("synchronous XHR", Yes, "<script>x = new XMLHttpRequest; x.open('GET', U, false); try { x.send() } catch {}</script>"),
    ("XHR with a preflight", Never,
        "<script>x = new XMLHttpRequest; x.open('DELETE', U); x.setRequestHeader('x-a', 'b'); x.send()</script>"),
    ("beacon", Yes, "<script>navigator.sendBeacon(U, 'x')</script>"),
    ("beacon at the end of a page", Yes,
        "<script>addEventListener('pagehide', () => navigator.sendBeacon(U, 'x')); onload = () => location = html('gone')</script>"),
    ("EventSource", Yes, "<script>new EventSource(U)</script>"),
    ("a WebSocket", Yes, "<script>new WebSocket('ws://' + H + '/way')</script>"),
    ("a WebSocket over TLS", Yes, "<script>new WebSocket('wss://' + H + '/way')</script>"),
    ("a WebSocketStream", Never, "<script>new WebSocketStream('ws://' + H + '/way')</script>"),
    ("import", Yes, "<script type=module>import '@U'</script>"),
    ("import()", Yes, "<script>import(U)</script>"),
    ("a script", Yes, "<script src='@U'></script>"),
    ("a script written into the page", Yes, "<script>document.write('<script src=' + U + '><\\/script>')</script>"),
    ("WebRTC by STUN over UDP", Never,
        "<script>p = new RTCPeerConnection({ iceServers: [{ urls: 'stun:' + H }] }); p.createDataChannel('x');
        p.createOffer().then(offer => p.setLocalDescription(offer))</script>"),
    ("WebRTC by TURN over UDP", Never,
        "<script>p = new RTCPeerConnection({ iceServers: [{ urls: 'turn:' + H, username: 'u', credential: 'p' }] });
        p.createDataChannel('x'); p.createOffer().then(offer => p.setLocalDescription(offer))</script>"),
    ("WebRTC by TURN over TCP", Yes,
        "<script>p = new RTCPeerConnection({ iceTransportPolicy: 'relay',
            iceServers: [{ urls: 'turn:' + H + '?transport=tcp', username: 'u', credential: 'p' }] });
        p.createDataChannel('x'); p.createOffer().then(offer => p.setLocalDescription(offer))</script>"),
    ("WebRTC by TURN over TLS", Yes,
        "<script>p = new RTCPeerConnection({ iceTransportPolicy: 'relay',
            iceServers: [{ urls: 'turns:' + H + '?transport=tcp', username: 'u', credential: 'p' }] });
        p.createDataChannel('x'); p.createOffer().then(offer => p.setLocalDescription(offer))</script>"),
    ("WebRTC to a candidate of the page's own", Never,
        "<script>p = new RTCPeerConnection; q = new RTCPeerConnection; p.createDataChannel('x');
        (async () => { await p.setLocalDescription(); await q.setRemoteDescription(p.localDescription);
            await q.setLocalDescription(); await p.setRemoteDescription(q.localDescription);
            const [host, port] = H.split(':');
            for (const kind of ['udp', 'tcp'])
                await p.addIceCandidate({ sdpMLineIndex: 0, candidate: 'candidate:1 1 ' + kind + ' 2122260223 ' + host + ' '
                    + port + ' typ host' + (kind == 'tcp' ? ' tcptype passive' : '') }) })()</script>"),
    ("WebTransport", Never, "<script>new WebTransport('https://' + H + '/').ready.catch(() => {})</script>"),
    ("a style sheet of the script's", Never, "<script>import(U, { with: { type: 'css' } })</script>"),
    ("WebAssembly", Yes, "<script>WebAssembly.compileStreaming(fetch(U)).catch(() => {})</script>"),
    ("a paint worklet", Never, "<script>CSS.paintWorklet.addModule(U)</script>"),
    ("an audio worklet", Never, "<script>new OfflineAudioContext(1, 1, 44100).audioWorklet.addModule(U)</script>"),
];

pub const NAVIGATIONS: &[Route] = &[
    ("location", Yes, "<script>onload = () => location = U</script>"),
    (
        "location.replace of a redirect",
        Yes,
        "<script>onload = () => location.replace(redirect(303))</script>",
    ),
    ("meta refresh", Yes, "<meta http-equiv=refresh content='0;url=@U'>"),
    (
        "a refresh header",
        Yes,
        "<script>make('iframe', { src: html('x', 'refresh: 0;url=' + U) })</script>",
    ),
    ("a form by GET", Yes, "<script>submit({})</script>"),
    ("a form by POST", Yes, "<script>submit({ method: 'POST' })</script>"),
    (
        "a form in a frame",
        Yes,
        "<iframe name=there></iframe><script>submit({ method: 'POST', target: 'there', enctype: 'text/plain' })</script>",
    ),
    (
        "a form of a redirect that keeps the method",
        Yes,
        "<script>submit({ method: 'POST', action: redirect(307) })</script>",
    ),
    ("a link", Yes, "<script>make('a', { href: U }).click()</script>"),
    (
        "a link with target=_blank",
        Yes,
        "<script>make('a', { href: U, target: '_blank' }).click()</script>",
    ),
    (
        "a link without an opener",
        Yes,
        "<script>make('a', { href: U, target: '_blank', rel: 'noopener' }).click()</script>",
    ),
    (
        "a link that downloads",
        Yes,
        "<script>make('a', { href: U, download: 'x' }).click()</script>",
    ),
    (
        "a link with a ping",
        Never,
        "<script>make('a', { href: '#x', ping: U }).click()</script>",
    ),
    ("window.open", Yes, "<script>window.open(U)</script>"),
    (
        "window.open without an opener",
        Yes,
        "<script>window.open(U, '', 'noopener')</script>",
    ),
    (
        "an empty popup that fetches",
        Yes,
        "<script>window.open('').fetch(U, { mode: 'no-cors' })</script>",
    ),
    (
        "an empty popup that leaves",
        Yes,
        "<script>window.open('').location = U</script>",
    ),
    (
        "a popup of a popup",
        Yes,
        "<script>window.open(html('<script>window.open(\"' + U + '\")<\\/script>'))</script>",
    ),
    (
        "a popup's own document",
        Yes,
        "<script>window.open('').document.write('<img src=' + U + '>')</script>",
    ),
    (
        "a frame that leads the tab away",
        Yes,
        "<script>make('iframe', { src: html('<script>top.location = \"' + U + '\"<\\/script>') })</script>",
    ),
    (
        "the navigation API",
        Yes,
        "<script>onload = () => navigation.navigate(U)</script>",
    ),
    (
        "javascript: in a frame",
        Yes,
        "<script>make('iframe', { src: 'javascript:location=' + JSON.stringify(U) })</script>",
    ),
    ("a document with another base", Yes, "<base href='@U/'><img src=x>"),
];

pub const WORKERS: &[Route] = &[
    ("fetch in a worker", Yes, "<script>new Worker(js(`fetch('${U}', { mode: 'no-cors' })`))</script>"),
    ("importScripts in a worker", Yes, "<script>new Worker(js(`importScripts('${U}')`))</script>"),
    ("import in a worker", Yes, "<script>new Worker(js(`import '${U}'`), { type: 'module' })</script>"),
    ("a worker in a worker", Yes,
        "<script>new Worker(js(`new Worker(\"${js(`fetch('${U}', { mode: 'no-cors' })`)}\")`))</script>"),
    ("a worker of a blob", Yes,
        "<script>new Worker(blob('text/javascript', `fetch('${U}', { mode: 'no-cors' })`))</script>"),
    ("a worker of data:", Yes,
        "<script>new Worker('data:text/javascript,' + encodeURIComponent(`fetch('${U}', { mode: 'no-cors' })`))</script>"),
    ("a WebSocket in a worker", Yes, "<script>new Worker(js(`new WebSocket('ws://${H}/way')`))</script>"),
    ("XHR in a worker", Yes,
        "<script>new Worker(js(`x = new XMLHttpRequest; x.open('GET', '${U}', false); x.send()`))</script>"),
    ("EventSource in a worker", Yes, "<script>new Worker(js(`new EventSource('${U}')`))</script>"),
    ("a worker in a frame", Yes,
        "<script>make('iframe', { src: html(`<script>new Worker(\"${js(`fetch('${U}', { mode: 'no-cors' })`)}\")<\\/script>`) })</script>"),
    ("a shared worker", Yes, "<script>new SharedWorker(js(`fetch('${U}', { mode: 'no-cors' })`))</script>"),
    ("a WebSocket in a shared worker", Yes, "<script>new SharedWorker(js(`new WebSocket('ws://${H}/way')`))</script>"),
    ("importScripts in a shared worker", Yes, "<script>new SharedWorker(js(`importScripts('${U}')`))</script>"),
    ("a service worker that fetches", Yes,
        "<script>navigator.serviceWorker.register(js(`oninstall = e => e.waitUntil(fetch('${U}', { mode: 'no-cors' }))`))</script>"),
    ("a service worker that imports", Yes,
        "<script>navigator.serviceWorker.register(js(`importScripts('${U}')`)).catch(() => {})</script>"),
    ("a WebSocket in a service worker", Yes,
        "<script>navigator.serviceWorker.register(js(`oninstall = () => new WebSocket('ws://${H}/way')`))</script>"),
    ("a service worker that answers a page's request with another's", Yes,
        "<script>(async () => {
            const scope = '/of-' + H.split(':')[1] + '/';
            const r = await navigator.serviceWorker.register(
                js(`oninstall = () => skipWaiting(); onfetch = e => e.respondWith(fetch('${U}', { mode: 'no-cors' }))`), { scope });
            while (!r.active) await new Promise(done => setTimeout(done, 10));
            make('iframe', { src: scope });
        })()</script>"),
    ("a background fetch", Never,
        "<script>(async () => { const r = await navigator.serviceWorker.register(js('1'));
            await navigator.serviceWorker.ready; await r.backgroundFetch.fetch('x', [U]) })()</script>"),
    ("a push subscription", Never,
        "<script>(async () => { const r = await navigator.serviceWorker.register(js('1'));
            await navigator.serviceWorker.ready; await r.pushManager.subscribe({ userVisibleOnly: true }) })()</script>"),
    ("a worklet that fetches", Never,
        "<script>sharedStorage.worklet.addModule(U)</script>"),
];

pub const REPORTS: &[Route] = &[
    (
        "a CSP report",
        Yes,
        "<script>make('iframe', { src: html('<img src=data:,>', `content-security-policy: img-src 'none'; report-uri ${U}`) })</script>",
    ),
    (
        "a report to an endpoint",
        Never,
        "<script>make('iframe', { src: html('<img src=data:,>', `reporting-endpoints: e=\"${U}\"`, `content-security-policy: img-src 'none'; report-to e`) })</script>",
    ),
    (
        "network error logging",
        Never,
        "<script>make('iframe', { src: html('x', `report-to: {\"group\":\"e\",\"max_age\":99,\"endpoints\":[{\"url\":\"${U}\"}]}`, `nel: {\"report_to\":\"e\",\"max_age\":99,\"success_fraction\":1}`) })</script>",
    ),
    (
        "a payment method",
        Never,
        "<script>new PaymentRequest([{ supportedMethods: 'https://' + H + '/pay' }], { total: { label: 'x', amount: { currency: 'EUR', value: '1' } } }).canMakePayment().catch(() => {})</script>",
    ),
    (
        "a login provider",
        Never,
        "<script>navigator.credentials.get({ identity: { providers: [{ configURL: U, clientId: 'x' }] } }).catch(() => {})</script>",
    ),
    ("a source map", Never, "<script>1\n//# sourceMappingURL=@U</script>"),
    (
        "an installed app",
        Never,
        "<script>navigator.install && navigator.install(U).catch(() => {})</script>",
    ),
    (
        "a ping of an area",
        Never,
        "<map name=m><area shape=default href='#x' ping='@U'></map><img usemap=#m width=9 height=9><script>document.querySelector('area').click()</script>",
    ),
    (
        "an interest group",
        Never,
        "<script>navigator.joinAdInterestGroup && navigator.joinAdInterestGroup({ owner: S, name: 'x', updateURL: U }, 99).catch(() => {})</script>",
    ),
    (
        "a protocol handler",
        Never,
        "<script>try { navigator.registerProtocolHandler('web+x', S + '/?%s') } catch {}; onload = () => location = 'web+x:' + U</script>",
    ),
    (
        "speech",
        Never,
        "<script>try { new webkitSpeechRecognition().start(); speechSynthesis.speak(new SpeechSynthesisUtterance('x')) } catch {}</script>",
    ),
    (
        "a place",
        Never,
        "<script>navigator.geolocation.getCurrentPosition(() => {}, () => {})</script>",
    ),
];
