//! The ways of elements to a server, as pages. It must not say what becomes of them.

use super::ways::Leads::{Never, Yes};
use super::ways::Route;

pub const ELEMENTS: &[Route] = &[
    ("an image", Yes, "<img src='@U'>"),
    (
        "an image of a redirect",
        Yes,
        "<script>make('img', { src: redirect(301) })</script>",
    ),
    ("srcset", Yes, "<img srcset='@U 1x'>"),
    ("a picture", Yes, "<picture><source srcset='@U'><img></picture>"),
    (
        "an image without a document",
        Yes,
        "<script>new Image().src = U</script>",
    ),
    ("an image button", Yes, "<input type=image src='@U'>"),
    ("a background", Yes, "<body background='@U'>x"),
    (
        "an image in a drawing",
        Yes,
        "<svg><image href='@U' width=9 height=9></svg>",
    ),
    ("use in a drawing", Never, "<svg><use href='@U#x'></svg>"),
    (
        "a filter of another drawing",
        Never,
        "<p style=\"filter: url('@U#x')\">x",
    ),
    ("CSS url()", Yes, "<p style=\"background: url('@U')\">x"),
    ("CSS @import", Yes, "<style>@import url('@U')</style>"),
    ("a CSS cursor", Yes, "<p style=\"cursor: url('@U'), auto\">x"),
    (
        "CSS content",
        Yes,
        "<style>p::before { content: url('@U') }</style><p>x",
    ),
    ("a CSS mask", Yes, "<p style=\"mask: url('@U')\">x"),
    (
        "a CSS selector that tells",
        Yes,
        "<style>input[value^=s] { background: url('@U') }</style><input value=secret>",
    ),
    (
        "a font",
        Yes,
        "<style>@font-face { font-family: f; src: url('@U') } p { font-family: f }</style><p>x",
    ),
    (
        "FontFace",
        Yes,
        "<script>new FontFace('f', 'url(' + U + ')').load().catch(() => {})</script>",
    ),
    ("a style sheet", Yes, "<link rel=stylesheet href='@U'>"),
    ("a video", Yes, "<video src='@U' autoplay muted></video>"),
    ("a poster", Yes, "<video poster='@U'></video>"),
    ("audio", Yes, "<audio src='@U' preload=auto></audio>"),
    (
        "a text track",
        Yes,
        "<video crossorigin><track default kind=subtitles src='@U'></video>
        <script>onload = () => document.querySelector('video').textTracks[0].mode = 'showing'</script>",
    ),
    ("an object", Yes, "<object data='@U'></object>"),
    ("an embed", Yes, "<embed src='@U'>"),
    ("a frame", Yes, "<iframe src='@U'></iframe>"),
    ("a lazy frame", Yes, "<iframe loading=lazy src='@U'></iframe>"),
    (
        "a frame without credentials",
        Yes,
        "<iframe credentialless src='@U'></iframe>",
    ),
    ("a sandboxed frame", Yes, "<iframe sandbox src='@U'></iframe>"),
    (
        "a frameset",
        Yes,
        "<script>document.open(); document.write('<frameset><frame src=' + U + '></frameset>')</script>",
    ),
    (
        "a frame in a frame of the same site",
        Yes,
        "<script>make('iframe', { src: html('<iframe src=\"' + U + '\"></iframe>') })</script>",
    ),
    (
        "a frame in srcdoc",
        Yes,
        "<iframe srcdoc=\"<iframe src='@U'></iframe>\"></iframe>",
    ),
    (
        "fetch in srcdoc",
        Yes,
        "<iframe srcdoc=\"<script>fetch('@U', { mode: 'no-cors' })</script>\"></iframe>",
    ),
    (
        "fetch in a blob",
        Never,
        "<script>make('iframe', { src: blob('text/html', `<script>fetch('${U}', { mode: 'no-cors' })<\\/script>`) })</script>",
    ),
    (
        "fetch in data:",
        Never,
        "<script>make('iframe', { src: 'data:text/html,' + encodeURIComponent(`<script>fetch('${U}', { mode: 'no-cors' })<\\/script>`) })</script>",
    ),
    (
        "fetch by an empty frame's window",
        Yes,
        "<script>make('iframe', {}).contentWindow.fetch(U, { mode: 'no-cors' })</script>",
    ),
    (
        "a fetch of a frame that goes",
        Yes,
        "<script>f = make('iframe', {}); f.contentWindow.fetch(U, { mode: 'no-cors', keepalive: true });
        setTimeout(() => f.remove(), 30)</script>",
    ),
    (
        "a beacon of a frame that goes",
        Yes,
        "<script>f = make('iframe', {}); f.contentWindow.navigator.sendBeacon(U); f.remove()</script>",
    ),
    (
        "a fenced frame",
        Never,
        "<fencedframe></fencedframe><script>
        document.querySelector('fencedframe').config = new FencedFrameConfig(U)</script>",
    ),
    ("a portal", Never, "<portal src='@U'></portal>"),
    ("prefetch", Never, "<script>link('prefetch', {})</script>"),
    ("preload", Yes, "<script>link('preload', { as: 'script' })</script>"),
    (
        "preload in a header",
        Yes,
        "<script>make('iframe', { src: html('x', 'link: <' + U + '>; rel=preload; as=script') })</script>",
    ),
    ("modulepreload", Yes, "<script>link('modulepreload', {})</script>"),
    ("preconnect", Never, "<script>link('preconnect', {})</script>"),
    (
        "dns-prefetch",
        Never,
        "<script>link('dns-prefetch', {}); link('dns-prefetch', { href: '//way.test' })</script>",
    ),
    (
        "prerender",
        Never,
        "<script>link('prerender', {}); link('next', {})</script>",
    ),
    (
        "speculation: prefetch",
        Never,
        "<script>make('script', { type: 'speculationrules', text: JSON.stringify({ prefetch: [{ source: 'list', urls: [U], eagerness: 'immediate' }] }) })</script>",
    ),
    (
        "speculation: prerender",
        Never,
        "<script>make('script', { type: 'speculationrules', text: JSON.stringify({ prerender: [{ source: 'list', urls: [U], eagerness: 'immediate' }] }) })</script>",
    ),
    (
        "an icon",
        Never,
        "<link rel=icon href='@U'><link rel=apple-touch-icon href='@U'>",
    ),
    ("a manifest", Never, "<link rel=manifest href='@U'>"),
    ("attributionsrc", Never, "<img attributionsrc='@U' src='data:,'>"),
];
