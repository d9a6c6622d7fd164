"""minimal"""
import sys
from pathlib import Path
from threading import Event
from typing import Annotated, Optional
import typer
app = typer.Typer(pretty_exceptions_enable=False)
class P:
    def stage(self,n,t): print(n,t,file=sys.stderr)
    def advance(self,steps=1,found=0): pass
@app.command()
def plan(bucket: list[str]=[], all: bool=False, out: Path=Path("plan.json"), asset: list[str]=[], lookback_days: Optional[int]=None, policy: Optional[str]=None, max_deletes: Optional[int]=None, max_delete_percent: Optional[float]=None, allow_empty: list[str]=[], parallel: int=16, config: Optional[Path]=None):
    from indexer.config import load_config
    from indexer.runs.plan import plan as run, scope_of
    from indexer.runs.files import plan_text, write_whole
    c=load_config(config)
    p=run(c, scope_of(c,bucket,everything=all,assets=asset,lookback_days=lookback_days,policy=policy,max_deletes=max_deletes,max_delete_percent=max_delete_percent,allow_empty=allow_empty), parallel, P())
    write_whole(out, plan_text(p)); print(p.summary, file=sys.stderr)
@app.command()
def apply(path: Path, results: Optional[Path]=None, parallel: int=16, config: Optional[Path]=None):
    from indexer.config import load_config
    from indexer.runs.apply import apply as run, results_folder
    from indexer.runs.files import load_plan
    c=load_config(config)
    p,d=load_plan(path)
    r=run(c,p,d,results_folder(path,p,results),parallel,P(),Event())
    print(r.result.summary, [o for o in r.result.outcomes if o.status not in('applied','satisfied')], file=sys.stderr)
    if set(r.result.summary)-{'applied','satisfied'}: raise SystemExit(4)
def main():
    from indexer.errors import IndexerError
    try: app()
    except IndexerError as e:
        print(e, file=sys.stderr); raise SystemExit(e.exit_code)
