"""The style sheet of every page: light and dark, wide and narrow."""

STYLE = """
:root {
  color-scheme: light dark; --page: #fbfbfc; --text: #1b2129; --soft: #5c6773; --line: #dde2e8; --card: #ffffff;
  --k0: #0072b2; --k1: #d55e00; --k2: #009e73; --k3: #b8578c; --k4: #c98600; --k5: #2f9bd8; --k6: #7a5c00; --k7: #1b2129; --kl: #8a8a8a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1318; --text: #e6eaf0; --soft: #93a0ae; --line: #2a323c; --card: #171d24;
    --k0: #4aa8ea; --k1: #ff8a3d; --k2: #2fc79b; --k3: #e08fbd; --k4: #f0b429; --k5: #9bd6ff; --k6: #c2a65a; --k7: #e6eaf0; --kl: #8d98a5;
  }
}
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.55 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 40px 24px 80px; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .2em; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 2.2em 0 .5em; overflow-wrap: anywhere; }
p { max-width: 75ch; margin: .6em 0; overflow-wrap: anywhere; }
.lead, .none { color: var(--soft); }
.lead { margin: 0 0 1.6em; }
.numbers { display: flex; flex-wrap: wrap; gap: 12px; margin: 1.2em 0; }
.number { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 18px; }
.number { min-width: 110px; max-width: 300px; }
.number b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.number span { color: var(--soft); font-size: .85rem; overflow-wrap: anywhere; }
.table { overflow-x: auto; margin: 1.2em 0; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: 6px; }
th, td { padding: 6px 0 6px 16px; border-bottom: 1px solid var(--line); text-align: left; vertical-align: baseline; }
th:first-child, td:first-child { padding-left: 0; min-width: 8em; max-width: 20em; overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
td { max-width: 60ch; overflow-wrap: break-word; }
td.n { white-space: nowrap; }
.n { text-align: right; }
figure { margin: 1.4em 0; }
img, video { display: block; max-width: 100%; height: auto; border-radius: 8px; }
.beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(260px, 100%), 1fr)); gap: 4px; }
.beside > * { min-width: 0; }
.beside figure { margin: 0; }
figcaption { color: var(--soft); font-size: .88rem; margin-top: 8px; max-width: 90ch; overflow-wrap: anywhere; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; margin: 0 0 6px; padding: 0; font-size: .88rem; }
.legend li { overflow-wrap: anywhere; }
.key { width: 12px; height: 12px; margin-right: 6px; }
.panels { display: flex; flex-wrap: wrap; gap: 12px 20px; align-items: flex-start; }
.chart { flex: 1 1 340px; min-width: 0; max-width: 590px; height: auto; }
.chart text { font-size: 11.5px; fill: var(--soft); }
.chart g text { fill: currentColor; }
.rule { stroke: var(--line); stroke-width: 1; }
.k0 { color: var(--k0); } .k1 { color: var(--k1); } .k2 { color: var(--k2); } .k3 { color: var(--k3); } .k4 { color: var(--k4); }
.k5 { color: var(--k5); } .k6 { color: var(--k6); } .k7 { color: var(--k7); } .kl { color: var(--kl); }
svg g line, svg polyline { stroke: currentColor; stroke-width: 1.4; fill: none; }
svg rect, svg path, svg circle { fill: currentColor; stroke: none; }
svg .hollow { fill: var(--page); stroke: currentColor; stroke-width: 1.4; }
@media (max-width: 600px) {
  body { font-size: 15px; }
  main { padding: 24px 14px 48px; }
  h1 { font-size: 1.5rem; }
  th, td { padding-left: 12px; }
  th:first-child, td:first-child { max-width: 11em; min-width: 6.5em; }
  .wide table, .wide caption, .wide tbody, .wide tr { display: block; }
  .wide thead { display: none; }
  .wide tr { padding: 8px 0; border-bottom: 1px solid var(--line); }
  .wide td, .wide td:first-child {
    display: flex; justify-content: space-between; gap: 16px; padding: 2px 0; border: 0; max-width: none; text-align: right;
    white-space: normal;
  }
  .wide td::before { content: attr(data-of); color: var(--soft); text-align: left; }
  .wide td:first-child { font-weight: 600; }
}
"""
