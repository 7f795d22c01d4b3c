// All kernels for one instruction set. The file that includes this names the set, gives the number
// of lanes and rows of a tile, and has switched the compiler to it.

#include "lanes.h"

#include "gelu.h"
#include "products.h"
#include "sharing.h"
#include "shuffles.h"
#include "square_matrix.h"

#include "activations.h"
#include "attention.h"
#include "attention_gradient.h"
#include "distributions.h"
#include "dropout.h"
#include "layer_norm.h"
#include "map_shrinking.h"
#include "map_shrinking_gradient.h"
#include "moment_pooling.h"
#include "moment_pooling_gradient.h"
#include "nearest_neighbours.h"
#include "pixel_rows.h"
#include "row_maps.h"
#include "row_sums.h"
#include "square_root.h"
#include "square_root_gradient.h"
#include "unit_rows.h"

const InstructionSet kKernels = {MINDTUNE_NAME,
                                 pool_moments,
                                 differentiate_moments,
                                 pool_square_root,
                                 differentiate_square_root,
                                 shrink_maps,
                                 differentiate_shrinking,
                                 keep_nearest,
                                 activate<Gelu>,
                                 differentiate_activation<Gelu>,
                                 activate<QuickGelu>,
                                 differentiate_activation<QuickGelu>,
                                 normalise_rows,
                                 differentiate_rows,
                                 differentiate_norm_parameters,
                                 attend,
                                 differentiate_attention,
                                 mix_rows,
                                 blur_rows,
                                 transpose_bytes,
                                 add_up_rows,
                                 add_up_products,
                                 map_channels,
                                 scale_rows,
                                 sharpen,
                                 compare_probabilities,
                                 give_length,
                                 differentiate_unit_rows,
                                 differentiate_lengths,
                                 drop_out};
