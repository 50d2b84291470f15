// One function per law file; loss_law.cc lists them.
#pragma once
#include "isoflop/fits/loss_law.h"

namespace isoflop::fits {

const LossLaw& chinchilla();
const LossLaw& coupled();
const LossLaw& kaplan();
const LossLaw& data_constrained();
const LossLaw& over_training();
const LossLaw& moe_routed();
const LossLaw& fine_grained_moe();
const LossLaw& moe_sparsity();
const LossLaw& precision();
const LossLaw& vocabulary();
const LossLaw& farseer();
const LossLaw& broken_power_law();
const LossLaw& step_learning_rate();
const LossLaw& step_batch();
const LossLaw& saturating();

}  // namespace isoflop::fits
