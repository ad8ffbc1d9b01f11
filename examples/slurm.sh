#!/bin/bash
#SBATCH --job-name=audit
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=04:00:00
# One Ray cluster over the nodes of the job, one worker a CPU. The run's folder must be on a disk that all nodes see.
# Submit it again to go on where it was stopped: what is finished is not done twice.
set -euo pipefail

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
port=6379
srun --nodes=1 --ntasks=1 --nodelist="$head" ray start --head --port=$port --num-cpus="$SLURM_CPUS_PER_TASK" --block &
sleep 20
others=$((SLURM_JOB_NUM_NODES - 1))
if ((others)); then
  srun --nodes=$others --ntasks=$others --exclude="$head" ray start --address="$head:$port" --num-cpus="$SLURM_CPUS_PER_TASK" --block &
  sleep 20
fi

workers=$((SLURM_JOB_NUM_NODES * SLURM_CPUS_PER_TASK))
shiftproof audit --model nets.py:small --weights small.safetensors --data npz:test.npz --suite standard \
  --shard-size 500 --backend "ray:$head:$port" --workers "$workers" --out runs/big
