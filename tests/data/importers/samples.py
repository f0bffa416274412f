"""A small log of each text format, and what is in it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sample:
    """A log.

    Parameters
    ----------
    file
        Its path, which says what the run is called.
    rows
        All of its metrics: run, step (0 where rows are numbered, and counted from 1), key, value.
    known
        Run -> some of what is known of it.
    """

    file: str
    text: str
    format: str
    rows: tuple[tuple[str, float, str, float], ...] = ()
    known: dict[str, dict[str, object]] = field(default_factory=dict)


SAMPLES = {
    "wandb_chart": Sample(
        "chart.csv",
        '"Step","run-a - eval/loss","run-a - eval/loss__MIN","run-a - eval/loss__MAX","Group: big - eval/loss",'
        '"Group: big - eval/loss__MIN","Group: big - eval/loss__MAX"\n'
        '"100","6.10","6.10","6.10","5.90","5.88","5.93"\n'
        '"200","5.40","5.40","5.40","","",""\n'
        '"300","5.05","5.05","5.05","4.81","4.80","4.82"\n',
        "W&B chart export (CSV)",
        (
            *(("run-a", 100, "eval/loss", 6.1), ("run-a", 200, "eval/loss", 5.4), ("run-a", 300, "eval/loss", 5.05)),
            *(("Group: big", 100, "eval/loss", 5.9), ("Group: big", 100, "eval/loss__MIN", 5.88)),
            *(("Group: big", 100, "eval/loss__MAX", 5.93), ("Group: big", 300, "eval/loss", 4.81)),
            *(("Group: big", 300, "eval/loss__MIN", 4.8), ("Group: big", 300, "eval/loss__MAX", 4.82)),
        ),
    ),
    "wandb_runs": Sample(
        "runs.csv",
        '"Name","State","Created","Runtime","model.n_params","train.tokens","eval/loss","_step"\n'
        '"run-a","finished","2026-01-02T03:04:05.000Z","3600","124000000","2500000000","3.31","4768"\n'
        '"run-b","crashed","2026-01-02T05:04:05.000Z","1200","350000000","","",""\n',
        "W&B runs table (CSV)",
        known={
            "run-a": {"params": 124e6, "tokens": 2.5e9, "eval/loss": 3.31, "_step": 4768.0, "State": "finished"},
            "run-b": {"params": 350e6, "State": "crashed"},
        },
    ),
    "trainer_state": Sample(
        "small/checkpoint-200/trainer_state.json",
        '{"best_metric": null, "global_step": 200, "max_steps": 1000, "log_history": ['
        '{"epoch": 0.1, "learning_rate": 3e-4, "loss": 6.1, "step": 100}, {"epoch": 0.1, "eval_loss": 5.9, "step": 100}, '
        '{"epoch": 0.2, "loss": NaN, "step": 200}], "num_input_tokens_seen": 20000, "total_flos": 1e15}',
        "Hugging Face trainer_state (JSON)",
        (
            *(("small", 100, "epoch", 0.1), ("small", 100, "learning_rate", 3e-4), ("small", 100, "loss", 6.1)),
            *(("small", 100, "eval_loss", 5.9), ("small", 200, "epoch", 0.2), ("small", 200, "loss", float("nan"))),
        ),
        {"small": {"tokens_per_step": 100.0, "total_flos": 1e15}},
    ),
    "tensorboard_csv": Sample(
        "scalars_run-small-tag-loss_train.csv",
        "Wall time,Step,Value\n1654943296.2,0,10.99\n1654943313.8,100,6.31\n1654943332.4,200,5.72\n",
        "TensorBoard scalars (CSV)",
        (("small", 0, "loss_train", 10.99), ("small", 100, "loss_train", 6.31), ("small", 200, "loss_train", 5.72)),
    ),
    "nanogpt": Sample(
        "gpt.log",
        "tokens per iteration will be: 65,536\nnumber of parameters: 25.23M\n"
        "step 0: train loss 4.7538, val loss 4.7469\niter 0: loss 4.7387, time 21159.32ms, mfu -100.00%\n"
        "iter 10: loss 2.9872, time 118.08ms, mfu 31.40%\nstep 500: train loss 0.6976, val loss 0.6980\n",
        "nanoGPT log (text)",
        (
            *(("gpt", 0, "train loss", 4.7538), ("gpt", 0, "val loss", 4.7469), ("gpt", 0, "loss", 4.7387)),
            *(
                ("gpt", 0, "time", 21159.32),
                ("gpt", 0, "mfu", -100.0),
                ("gpt", 10, "loss", 2.9872),
                ("gpt", 10, "time", 118.08),
            ),
            *(("gpt", 10, "mfu", 31.4), ("gpt", 500, "train loss", 0.6976), ("gpt", 500, "val loss", 0.698)),
        ),
        {"gpt": {"params": 25.23e6, "tokens_per_step": 65536.0}},
    ),
    "speedrun": Sample(
        "fast.txt",
        "step:0/1500 val_loss:10.8258 train_time:0ms step_avg:nanms\n"
        "step:1/1500 train_loss:10.8258 train_time:31613ms step_avg:nanms\n"
        "step:250/1500 val_loss:4.0100 train_time:39289ms step_avg:163.70ms\n",
        "modded-nanogpt log (text)",
        (
            *(("fast", 0, "val_loss", 10.8258), ("fast", 0, "train_time", 0.0), ("fast", 0, "step_avg", float("nan"))),
            *(("fast", 1, "train_loss", 10.8258), ("fast", 1, "train_time", 31613.0), ("fast", 1, "step_avg", float("nan"))),
            *(("fast", 250, "val_loss", 4.01), ("fast", 250, "train_time", 39289.0), ("fast", 250, "step_avg", 163.7)),
        ),
        {"fast": {"max_steps": 1500.0}},
    ),
    "megatron": Sample(
        "mega.log",
        "  seq_length ...................................... 2048\n"
        " iteration      100/  100000 | consumed samples:        25600 | learning rate: 3.0E-04 | "
        "global batch size:   256 | lm loss: 6.444662E+00 | number of nan iterations:   0 |\n"
        " validation loss at iteration 100 | lm loss value: 6.500000E+00 | lm loss PPL: 6.651416E+02 |\n",
        "Megatron log (text)",
        (
            *(("mega", 100, "consumed samples", 25600.0), ("mega", 100, "learning rate", 3e-4)),
            *(("mega", 100, "global batch size", 256.0), ("mega", 100, "lm loss", 6.444662)),
            *(("mega", 100, "number of nan iterations", 0.0), ("mega", 100, "validation lm loss value", 6.5)),
            ("mega", 100, "validation lm loss PPL", 665.1416),
        ),
        {"mega": {"tokens_per_step": 524288.0}},
    ),
    "json_lines": Sample(
        "flat.jsonl",
        '{"step": 100, "train/loss": 6.1, "throughput/total_tokens": 52428800, "note": null}\n'
        '{"step": 200, "train/loss": "nan", "throughput/total_tokens": 104857600}\n',
        "JSON lines",
        (
            *(("flat", 100, "train/loss", 6.1), ("flat", 100, "throughput/total_tokens", 52428800.0)),
            *(("flat", 200, "train/loss", float("nan")), ("flat", 200, "throughput/total_tokens", 104857600.0)),
        ),
    ),
    "nested": Sample(
        "runs.jsonl",
        '{"arch": {"d_hidden": 32, "name": "a"}, "train": {"lr": 0.001, "steps": 1000, "seed": 1}, "val_bpc": 3.44, '
        '"flops": 685436928000, "weight_params": 14752, "total_params": 21549, '
        '"curve": [[250, 171359232000, 4.30], [500, 342718464000, 3.76], [1000, 685436928000, 3.44]]}\n',
        "JSON lines",
        (
            *(("a", 250, "flops", 171359232000.0), ("a", 250, "val_bpc", 4.3), ("a", 500, "flops", 342718464000.0)),
            *(("a", 500, "val_bpc", 3.76), ("a", 1000, "flops", 685436928000.0), ("a", 1000, "val_bpc", 3.44)),
        ),
        {"a": {"arch.d_hidden": 32.0, "train.lr": 0.001, "weight_params": 14752.0}},
    ),
    "lightning": Sample(
        "lightning_logs/tiny/metrics.csv",
        "epoch,step,train_loss,val_loss\n0,49,3.5,\n0,99,3.1,\n0,99,,3.2\n1,149,2.9,\n",
        "Lightning metrics (CSV)",
        (
            *(("tiny", 49, "epoch", 0.0), ("tiny", 49, "train_loss", 3.5), ("tiny", 99, "epoch", 0.0)),
            *(("tiny", 99, "train_loss", 3.1), ("tiny", 99, "epoch", 0.0), ("tiny", 99, "val_loss", 3.2)),
            *(("tiny", 149, "epoch", 1.0), ("tiny", 149, "train_loss", 2.9)),
        ),
    ),
    "suffixes": Sample(
        "sheet.csv",
        "Model,Params(M),n_layer,Val Loss (1 epoch),Tokens / ite\n"
        "tiny,0.41M,2,0.64,65536\nsmall,3.17M,4,0.40,65536\nmedium,10.66M,6,0.35,65536\n",
        "table (CSV)",
        known={
            "tiny": {"params": 410_000.0, "n_layer": 2.0, "Val Loss (1 epoch)": 0.64},
            "small": {"params": 3_170_000.0, "n_layer": 4.0},
            "medium": {"params": 10_660_000.0, "Tokens / ite": 65536.0},
        },
    ),
    "curve": Sample(
        "curves/curve_N1200000_D5000000.csv",
        "tokens_seen,loss\n40960,71.9\n81920,48.7\n122880,41.9\n",
        "table (CSV)",
        tuple(
            ("curve_N1200000_D5000000", step, key, value)
            for step, tokens, loss in ((1, 40960.0, 71.9), (2, 81920.0, 48.7), (3, 122880.0, 41.9))
            for key, value in (("tokens_seen", tokens), ("loss", loss))
        ),
        {"curve_N1200000_D5000000": {"params": 1.2e6, "tokens": 5e6}},
    ),
    "nanochat": Sample(
        "results.csv",
        "flops_budget,depth,model_dim,params_wte,params_total,num_iterations,tokens_trained,val_bpb\n"
        "1e18,10,640,20971520,91750400,2000,1048576000,0.95\n1e18,12,768,25165824,135266304,1500,786432000,0.93\n",
        "nanochat results (CSV)",
        known={
            "1e18 d10": {"tokens": 1048576000.0, "params_total": 91750400.0, "val_bpb": 0.95},
            "1e18 d12": {"tokens": 786432000.0, "params_wte": 25165824.0, "val_bpb": 0.93},
        },
    ),
    "grid": Sample(
        "isoflop.md",
        "# Val loss\n\n| dim \\ budget | 1e+18 | 3e+18 | 1e+19 |\n|---|---|---|---|\n"
        "| d512 | 1.07 | 1.04 | \N{EM DASH} |\n| d768 | **1.06** | 1.01 | 0.97 |\n",
        "Markdown table",
        known={
            "d512 1e+18": {"dim": 512.0, "budget": 1e18, "value": 1.07},
            "d768 1e+18": {"dim": 768.0, "budget": 1e18, "value": 1.06},
            "d768 1e+19": {"dim": 768.0, "budget": 1e19, "value": 0.97},
        },
    ),
    "tidy_log": Sample(
        "log.csv",
        "run,step,loss,lr,params\na,1,5.0,0.1,100\na,2,4.0,0.1,100\na,3,3.0,0.1,100\nb,1,4.5,0.2,200\nb,2,3.5,0.2,200\nb,3,,0.2,200\n",
        "table (CSV)",
        (
            *(("a", 1, "loss", 5.0), ("a", 2, "loss", 4.0), ("a", 3, "loss", 3.0)),
            *(("b", 1, "loss", 4.5), ("b", 2, "loss", 3.5)),
        ),
        {"a": {"params": 100.0, "lr": 0.1}, "b": {"params": 200.0, "lr": 0.2}},
    ),
    "text_log": Sample(
        "titan.log",
        "[rank0]: starting\n[rank0]:step: 10  loss: 7.8012  memory: 12.10GiB(50.2%)  tps: 1,234  mfu: 12.10%\n"
        "[rank0]:step: 20  loss: 6.9001  memory: 12.10GiB(50.2%)  tps: 1,300  mfu: 12.30%\n",
        "text log",
        (
            *(("titan", 10, "loss", 7.8012), ("titan", 10, "tps", 1234.0), ("titan", 10, "mfu", 12.1)),
            *(("titan", 20, "loss", 6.9001), ("titan", 20, "tps", 1300.0), ("titan", 20, "mfu", 12.3)),
        ),
    ),
    "long": Sample(
        "long.csv",
        "run,step,metric,value\na,1,loss,5.0\na,1,lr,0.1\na,2,loss,4.0\nb,1,loss,4.5\n",
        "table (CSV)",
        (("a", 1, "loss", 5.0), ("a", 1, "lr", 0.1), ("a", 2, "loss", 4.0), ("b", 1, "loss", 4.5)),
    ),
    "records": Sample(
        "hist.json",
        '[{"step": 10, "loss": 5.5},\n {"step": 20, "loss": 4.5},\n {"step": 30, "loss": 4.0}]\n',
        "JSON document",
        (("hist", 10, "loss", 5.5), ("hist", 20, "loss", 4.5), ("hist", 30, "loss", 4.0)),
    ),
    "lists": Sample(
        "cols.json",
        '{"params": 1000000, "history": {"step": [10, 20], "loss": [5.5, 4.5]}}\n',
        "JSON document",
        (("cols", 10, "loss", 5.5), ("cols", 20, "loss", 4.5)),
        {"cols": {"params": 1e6}},
    ),
}
