#include "isoflop/report/page_assets.h"

namespace isoflop {

// Colours of the page itself; those of pictures are added by the writer. Text has a contrast of 4.5:1 or more.
const char* const page_style = R"css(
*{box-sizing:border-box}
html{color-scheme:light dark;-webkit-text-size-adjust:100%;scroll-padding-top:3.5rem}
body{margin:0;background:var(--page);color:var(--ink);font:17px/1.55 'DejaVu Sans','Bitstream Vera Sans',Verdana,system-ui,sans-serif}
main,header,footer,.bar>div{max-width:64rem;margin:0 auto;padding:0 1.25rem}
h1{font-size:1.9rem;line-height:1.2;margin:1.6rem 0 .4rem}
h2{font-size:1.35rem;line-height:1.25;margin:0 0 .5rem}
h3{font-size:1.05rem;margin:1.4rem 0 .3rem}
p{margin:.5rem 0}
a{color:var(--link)}
.bar{position:sticky;top:0;z-index:2;background:var(--page);border-bottom:1px solid var(--line)}
.bar>div{display:flex;flex-wrap:wrap;gap:.2rem 1rem;align-items:center;padding-top:.45rem;padding-bottom:.45rem}
.bar nav{flex:1;min-width:12rem;overflow-x:auto;white-space:nowrap;font-size:.86rem}
.bar nav a{margin-right:1rem;text-decoration:none}
.bar nav a:hover{text-decoration:underline}
section{border-top:1px solid var(--line);margin-top:2.2rem;padding-top:1.6rem}
.lead{color:var(--quiet)}
.finding{font-size:1.08rem;border-left:4px solid var(--accent);padding:.15rem 0 .15rem .9rem;margin:.6rem 0 1rem}
.findings{padding-left:1.2rem}
.findings li{margin:.5rem 0}
.distrust{border-left-color:var(--bad)}
figure{margin:1.2rem 0 1.4rem}
.view{border:1px solid var(--line);border-radius:6px;overflow:hidden;background:var(--sheet)}
.view svg{display:block;width:100%;height:auto}
.view svg:focus-visible,button:focus-visible,summary:focus-visible,a:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.g{fill:none;color:#000;stroke:currentColor}
.e{shape-rendering:crispEdges}
.exploring .variant,.exploring .group,.exploring .reset,.exploring .scale,.exploring .tools>span{display:none}
.narrow{display:none}
[hidden]{display:none!important}
figcaption{font-size:.86rem;color:var(--quiet);margin-top:.4rem}
.tools{display:flex;flex-wrap:wrap;gap:.35rem;margin-bottom:.45rem;align-items:center;font-size:.86rem}
.js .tools{min-height:2rem}
html:not(.js) .tools,html:not(.js) .theme{display:none}
button{font:inherit;font-size:.86rem;color:var(--ink);background:var(--sheet);border:1px solid var(--edge);border-radius:4px;padding:.22rem .6rem;cursor:pointer}
button[aria-pressed=true]{background:var(--chosen);border-color:var(--accent)}
button.group[aria-pressed=false]{color:var(--quiet);text-decoration:line-through}
.key{width:.8em;height:.8em;margin-right:.4em;vertical-align:-.06em}
.off{opacity:.06}
use.near{stroke:var(--accent);stroke-width:.5}
rect.near{stroke:var(--ink);stroke-width:2}
.tip{position:fixed;z-index:5;max-width:min(22rem,88vw);background:var(--sheet);color:var(--ink);border:1px solid var(--edge);border-radius:6px;box-shadow:0 4px 18px rgba(0,0,0,.25);padding:.5rem .7rem;font-size:.86rem;line-height:1.4;pointer-events:none;overflow-wrap:anywhere}
.tip strong{display:block}
.tip span{display:block}
details{margin:.6rem 0}
summary{cursor:pointer;padding:.3rem 0;font-weight:600}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:6px;max-height:32rem;background:var(--sheet)}
table{border-collapse:collapse;font-size:.82rem;line-height:1.35;width:100%}
caption{text-align:left;padding:.4rem .6rem;color:var(--quiet)}
th,td{padding:.28rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
td{max-width:30rem;min-width:4rem}
td.s{white-space:nowrap}
td.l{min-width:14rem}
th{position:sticky;top:0;background:var(--head);white-space:nowrap}
th button{border:0;background:none;padding:0;font-weight:600;font-size:1em;text-align:inherit}
th[aria-sort=ascending] button::after{content:' \25B2'}
th[aria-sort=descending] button::after{content:' \25BC'}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.note{font-size:.86rem;color:var(--quiet)}
code,.command{font-family:'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:.84rem}
.command{overflow-x:auto;white-space:pre;background:var(--sheet);border:1px solid var(--line);border-radius:6px;padding:.5rem .7rem;margin:.4rem 0}
.hash{font-size:.74rem;color:var(--quiet);overflow-wrap:anywhere}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:.4rem;z-index:9;background:var(--sheet);padding:.4rem}
footer{margin-top:2.5rem;padding-top:1rem;padding-bottom:3rem;border-top:1px solid var(--line);font-size:.86rem;color:var(--quiet)}
.vega{overflow-x:auto;padding:.6rem}
@media (max-width:640px){
body{font-size:16px}
main,header,footer,.bar>div{padding-left:.8rem;padding-right:.8rem}
h1{font-size:1.45rem}
.bar nav{order:2;flex-basis:100%}
.wide,.scale,.explore{display:none}
.narrow{display:block}
td:first-child{position:sticky;left:0;background:var(--sheet)}
th:first-child{left:0;z-index:1}
figure{margin-left:-.3rem;margin-right:-.3rem}
button{padding:.42rem .7rem}
}
@media print{
.bar,.tools,.tip,.files{display:none!important}
.wide{display:block}
.narrow{display:none}
body{font-size:10pt;background:#fff}
main,header,footer{max-width:none}
section{break-before:page;border:0}
section:first-of-type{break-before:auto}
figure,tr{break-inside:avoid}
.scroll{max-height:none;overflow:visible;border:0}
th{position:static}
table{font-size:7.5pt}
a{color:inherit;text-decoration:none}
}
@media (prefers-reduced-motion:no-preference){use,text,g[data-g]{transition:opacity .15s}}
)css";

}  // namespace isoflop
