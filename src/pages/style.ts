import { createHash } from 'node:crypto'

/** The whole look: one file, no fonts or pictures from anywhere. Contrast is at least 4.5:1 in both schemes. */
export const stylesheet = `
:root{color-scheme:light dark;--ground:#f4f3ef;--card:#fff;--ink:#1b2430;--soft:#546071;--line:#d9dbd6;--edge:#7d8794;--accent:#0b5d5e;--on-accent:#fff;--tint:#e6f0ee;--warn:#8a4b08;--warn-tint:#fbf1e2}
@media (prefers-color-scheme:dark){:root{--ground:#11161b;--card:#1a2129;--ink:#e8ecf0;--soft:#a5b0bd;--line:#313b46;--edge:#8390a0;--accent:#7fd4c8;--on-accent:#06302e;--tint:#1d3233;--warn:#f2c083;--warn-tint:#33281a}}
*{box-sizing:border-box}
html{font:100%/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--ink);min-height:100vh;display:flex;flex-direction:column}
a{color:var(--accent);text-underline-offset:.2em}
:focus-visible{outline:3px solid var(--accent);outline-offset:3px;border-radius:6px}
h1,h2,h3{line-height:1.25;margin:0;text-wrap:balance;overflow-wrap:anywhere}
.wide h1{margin-bottom:1rem}
h1{font-size:1.6rem;letter-spacing:-.01em}
h2{font-size:1.15rem}
h3{font-size:1rem}
p{margin:.5rem 0 0}
ul{list-style:none;margin:0;padding:0}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:1rem;background:var(--card);padding:.75rem 1rem;z-index:1}
.top,.foot,main{width:100%;max-width:30rem;margin:0 auto;padding:1rem}
.wide .top,.wide .foot,.wide main{max-width:46rem}
.top{display:flex;justify-content:space-between;align-items:center;padding-top:1.25rem}
.brand{display:inline-flex;gap:.55rem;align-items:center;font-weight:650;letter-spacing:.01em}
.mark{width:2rem;height:1.25rem;color:var(--accent)}
.tongues{display:flex;gap:.25rem}
.tongues a,.tongues span{display:inline-block;min-height:2.75rem;min-width:2.75rem;padding:.6rem .5rem;text-align:center;font-size:.875rem}
.tongues span{font-weight:650;color:var(--ink)}
main{flex:1}
.foot{color:var(--soft);font-size:.8125rem;padding-bottom:2rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:16px;padding:1.5rem 1.25rem;margin:0 0 1rem;box-shadow:0 1px 2px rgb(0 0 0/.04),0 8px 24px rgb(0 0 0/.04)}
@media (min-width:34rem){.card{padding:2rem}}
.soft{color:var(--soft)}
.small{font-size:.875rem}
.asks{font-size:1.05rem;color:var(--soft)}
.asks strong{color:var(--ink)}
.ways{display:grid;gap:.75rem;margin-top:1.5rem}
.button{appearance:none;display:flex;width:100%;min-height:3.25rem;align-items:center;gap:.85rem;padding:.7rem 1.1rem;border:1.5px solid var(--edge);border-radius:12px;background:var(--card);color:var(--ink);font:inherit;font-weight:600;text-align:left;text-decoration:none;cursor:pointer}
.button:hover{background:var(--tint);border-color:var(--accent)}
.button[aria-disabled]{color:var(--soft);border-style:dashed;background:transparent;cursor:not-allowed}
.button[aria-disabled] .icon{opacity:.45}
.button small{display:block;font-weight:400;color:var(--soft)}
.first{border:2px solid var(--accent)}
.main{justify-content:center;background:var(--accent);border-color:var(--accent);color:var(--on-accent);margin-top:1.25rem}
.main:hover{background:var(--ink);border-color:var(--ink);color:var(--ground)}
.fit{width:auto;display:inline-flex;min-height:2.75rem;padding:.4rem 1rem}
.quiet{appearance:none;background:none;border:0;padding:.75rem 0;min-height:2.75rem;font:inherit;color:var(--accent);text-decoration:underline;text-underline-offset:.2em;cursor:pointer}
.icon{width:1.5rem;height:1.5rem;flex:none}
.note{background:var(--tint);border-radius:12px;padding:.9rem 1.1rem;margin:0 0 1rem}
.warn{background:var(--warn-tint);border-left:4px solid var(--warn)}
.code{color:var(--soft);font:.75rem/1.5 ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere}
fieldset{border:1px solid var(--line);border-radius:14px;padding:1.1rem;margin:1.25rem 0 0;min-width:0}
legend{float:left;width:100%;padding:0;font-weight:650;font-size:1.1rem;line-height:1.3}
legend~*{clear:both}
legend~p{padding-top:.4rem}
dl{margin:.75rem 0 0;display:grid;gap:.6rem}
dt{font-size:.8125rem;color:var(--soft)}
dd{margin:0}
dd ul,details ul{display:flex;flex-wrap:wrap;gap:.35rem;margin-top:.2rem}
dd li,details li{padding:.1rem .6rem;border-radius:8px;background:var(--tint);font-size:.875rem}
details{margin-top:.5rem;font-size:.875rem}
summary{padding:.35rem 0;color:var(--accent);cursor:pointer}
.answers{display:grid;gap:.6rem;margin-top:1.1rem}
@media (min-width:28rem){.answers{grid-template-columns:1fr 1fr}}
.answer{display:flex;align-items:center;gap:.7rem;min-height:3.25rem;padding:.6rem .9rem;border:1.5px solid var(--edge);border-radius:12px;font-weight:600;cursor:pointer}
.answer:hover{border-color:var(--accent)}
.answer:has(:checked){border-color:var(--accent);background:var(--tint)}
.answer:has(:focus-visible){outline:3px solid var(--accent);outline-offset:3px}
.answer input{width:1.25rem;height:1.25rem;margin:0;accent-color:var(--accent);flex:none}
.answer input:focus-visible{outline:none}
.chips{display:flex;flex-wrap:wrap;gap:.5rem;margin:1rem 0}
.chips a{padding:.55rem .9rem;border:1px solid var(--line);border-radius:99px;background:var(--card);font-size:.875rem;text-decoration:none}
.rows>li{padding:1rem 0;border-top:1px solid var(--line);display:flex;flex-wrap:wrap;gap:.6rem 1rem;align-items:center;justify-content:space-between}
.rows>li>div{flex:1 1 16rem;min-width:0;overflow-wrap:anywhere}
.rows>li>p{flex:1 1 100%;margin:0}
.rows{margin-top:1rem}
.who{display:flex;gap:.85rem;align-items:center}
.who p{margin:0}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:.6rem;flex:1 1 100%}
.pair .button{justify-content:center;text-align:center;min-height:2.75rem;padding:.5rem .75rem}
.pair [aria-pressed=true]{background:var(--tint);border-color:var(--accent);box-shadow:inset 0 0 0 1px var(--accent)}
.state{display:inline-block;padding:.15rem .6rem;border-radius:99px;background:var(--tint);font-size:.8125rem;font-weight:600}
.fields{display:grid;gap:1rem;margin-top:1.25rem}
@media (min-width:34rem){.fields{grid-template-columns:1fr 1fr}}
.field label{display:block;font-size:.875rem;font-weight:600;margin-bottom:.3rem}
.field input,.field select,.field textarea{width:100%;min-height:3rem;padding:.6rem .8rem;border:1.5px solid var(--edge);border-radius:10px;background:var(--card);color:var(--ink);font:inherit}
.own-ways{display:grid;gap:1.25rem;margin-top:1.5rem;padding-top:1.5rem;border-top:1px solid var(--line)}
.own-ways:empty{display:none}
.field+.button,.fields+.button,.small+.button,.small+.pair,.small+.field,h2+h3,.card form+form,.card form+details{margin-top:1rem}
.told{display:grid;gap:.6rem;margin-top:.75rem}
.told li{padding-left:1.1rem;position:relative}
.told li::before{content:"";position:absolute;left:0;top:.62em;width:.45rem;height:.45rem;border-radius:50%;background:var(--accent)}
.warn .told li::before{background:var(--warn)}
.kind{margin-top:1.5rem;padding-top:1.25rem;border-top:1px solid var(--line)}
.kind .rows>li:first-child{border-top:0}
.kind .rows{margin-top:.25rem}
.card form>.field:not(:first-child){margin-top:1.1rem}
.kind form,.kind>p>.button{margin-top:.75rem}
.adds{display:flex;flex-wrap:wrap;gap:.6rem;margin-top:1rem}
.lost{color:var(--warn)}
a.quiet{display:inline-block}
.qr{display:block;width:min(100%,15rem);margin:1rem auto;border-radius:12px}
.secret,.codes{font:1.05rem/1.7 ui-monospace,SFMono-Regular,Menlo,monospace;letter-spacing:.04em;background:var(--tint);border-radius:12px;padding:.75rem 1rem;overflow-wrap:anywhere}
.codes{margin:1rem 0 0;padding-left:3rem;white-space:nowrap;overflow-x:auto}
@media print{.top,.foot,.screen,.skip{display:none}.card{border:0;box-shadow:none}}
.scroll{overflow-x:auto;margin-top:1rem}
table{border-collapse:collapse;width:100%;font-size:.875rem}
th,td{text-align:left;vertical-align:top;padding:.55rem .75rem .55rem 0;border-top:1px solid var(--line)}
thead th{border-top:0;color:var(--soft);font-weight:600}
@media (max-width:33rem){thead{position:absolute;left:-99rem}tr{display:block;padding:.6rem 0;border-top:1px solid var(--line)}td{display:block;border:0;padding:.1rem 0}}
`.trim()

/** Changes with the content, so that the file may be cached for ever. */
export const stylesheetPath = `/assets/${createHash('sha256').update(stylesheet).digest('base64url').slice(0, 16)}.css`
